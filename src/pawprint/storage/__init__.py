"""Files as they come: archives and folders, read member by member; what each file is."""

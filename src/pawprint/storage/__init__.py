"""The user's files: archives and folders, read member by member; what each file is."""

"""The device, and what makes a run on it repeatable: threads, algorithms, precision, memory."""

import ctypes
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import psutil
import torch
from torch import Tensor

from pawprint.runtime import distributed

Precision = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's mallopt


def setup_device(name: str, threads: int) -> torch.device:
    """The device, with torch set to give equal results on equal runs.

    Args:
        name: auto (cuda if there is one, else cpu), cpu, cuda, cuda:N, or mps (on a Mac).
        threads: the number of CPU threads.

    Raises:
        ValueError: CUDA or MPS is requested, but there is none, or no device of that number; or
            MPS for several processes.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    # threads is a tracked param: results of 1 and of 2 threads differ in the last bits
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # a benchmark picks algorithms by their time, so another run may get other ones
    torch.backends.cudnn.benchmark = False
    keep_freed_memory()
    cuda_devices = torch.cuda.device_count()
    if name == "auto":
        name = "cuda" if cuda_devices else "cpu"
    rank, local_processes = distributed.local_rank()
    if name == "mps":
        check_mps(local_processes)
    device = torch.device(f"cuda:{rank}" if name == "cuda" and local_processes > 1 else name)
    if device.type == "cuda" and (device.index or 0) >= cuda_devices:
        if cuda_devices and local_processes > 1:
            raise ValueError(
                f"{local_processes} processes train on this machine, but torch sees "
                f"{cuda_devices} CUDA devices; set processes to {cuda_devices} in params.yaml, "
                "or runtime.device to cpu"
            )
        remedy = "; if there is a GPU, check that nvidia-smi sees it and torch was built for CUDA"
        if cuda_devices:
            remedy = f", or one of cuda:0 to cuda:{cuda_devices - 1}"
        raise ValueError(
            f"runtime.device is {name!r}, but torch sees {cuda_devices} CUDA devices; "
            f"use auto or cpu in params.yaml{remedy}"
        )
    return device


def check_mps(together: int) -> None:
    """Refuse a Mac's GPU that is not there, or for several processes.

    Raises:
        ValueError: with what to set in place of it.
    """
    if not torch.backends.mps.is_available():
        raise ValueError(
            "runtime.device is 'mps', but torch sees no GPU of a Mac (MPS); use auto or cpu in "
            "params.yaml"
        )
    if together > 1:
        raise ValueError(
            f"{together} processes cannot train together on 'mps'; set processes to 1 in "
            "params.yaml, or runtime.device to cpu"
        )


def keep_freed_memory() -> None:
    """Make the C library (if it is glibc) keep freed memory instead of returning it.

    Otherwise the kernel maps and zeroes each large batch again: 41 ms became 26 ms for the sampling
        of 64 images on 2 cores (minimum of 7).
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        library.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def fill_new_memory(is_wanted: bool) -> None:
    """Set whether torch, in deterministic mode, fills new memory with NaN before its first use.

    This finds an operator that leaves a part of its result unset; one step is enough for that. The
    filling took 5 % of a step of resnet18 at 64 px and 7 % of one on ratings (2 cores), so the loop
    uses it only in the first step of an epoch.
    """
    torch.utils.deterministic.fill_uninitialized_memory = is_wanted  # type: ignore[attr-defined]


def resolve_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The dtype of convolutions and matrix products.

    `auto`: bfloat16 if the hardware has it (AVX512-BF16; Ampere and later), float16 on older
    NVIDIA GPUs, else float32.
    """
    if precision != "auto":
        return DTYPES[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
    if device.type == "mps":
        return torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """torch's autocast to `dtype`; none for float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def cache_budget(device: torch.device, fraction: float) -> int:
    """The bytes that the cache may take: a share of the device's free memory."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * fraction)
    _, local_processes = distributed.local_rank()  # each keeps a cache of its own
    return int(psutil.virtual_memory().available * fraction / local_processes)


def describe_machine(device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    """The machine, for a log."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    capability = torch.backends.cpu.get_cpu_capability()
    return {"device": name, "instructions": capability, "dtype": str(dtype).split(".")[1]}


def at_least_float32(values: Tensor) -> Tensor:
    """Convert to float32, but keep float64."""
    return values if values.dtype == torch.float64 else values.float()

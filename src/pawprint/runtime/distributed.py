"""Several processes that train one network, each on its share of every batch.

torch.distributed does the work: gloo on CPUs, nccl on GPUs. With one process, every function here
returns its input.
"""

import inspect
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


def launch_or_join(count: int) -> None:
    """Continue as one of `count` processes; if this is not one of them, start them and exit.

    Args:
        count: processes on all machines together. On several machines torchrun starts them; on one
            they are started here, with the command of this process.

    Raises:
        ValueError: torchrun started another number of processes, or torch cannot join any.
        SystemExit: the processes that were started here have ended; 0 if all succeeded.
    """
    if not distributed.is_available():
        if count > 1:
            raise ValueError(
                f"processes is {count}, but this build of torch cannot join processes "
                "(torch.distributed); set processes to 1 in params.yaml"
            )
        return
    if not distributed.is_torchelastic_launched():
        if count > 1:
            sys.exit(_launch(count))
        return
    launched = int(os.environ["WORLD_SIZE"])
    if launched != count:
        raise ValueError(
            f"torchrun started {launched} processes, but params.yaml has processes: {count}, and "
            f"the result depends on it; set it to {launched}, or start {count}"
        )
    # with GPUs too some tensors stay on the CPU, such as the bytes of a checkpoint
    both = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(both)


def _launch(count: int) -> int:
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if sys.platform == "win32":
        os.environ.setdefault("USE_LIBUV", "0")  # torch is built without it there
    logging.disable(logging.CRITICAL)  # the processes tell themselves what went wrong
    config = LaunchConfig(
        run_id="pawprint",
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",  # port 0: a free one, so that two trainings do not collide
        local_addr="localhost",  # else torch looks up this machine's name, which may not resolve
        max_restarts=0,
        monitor_interval=0.1,  # seconds
    )
    try:
        # orig_argv still has `-m stages.NAME`; sys.argv has a path in its place
        elastic_launch(config, sys.executable)(*sys.orig_argv[1:])
    except SignalException as stopped:
        return 128 + stopped.sigval
    except ChildFailedError as error:
        number, first = error.get_first_failure()
        if first.exitcode < 0:  # it could not say anything itself
            raise ValueError(
                f"process {number} of {count} was killed by signal {-first.exitcode} (9 may mean "
                "too little memory: fewer processes or a smaller batch_size need less); the others "
                "were stopped, and a new run continues from the last complete epoch"
            ) from None
        return first.exitcode
    return 0


def world_size() -> int:
    """The number of processes that train together."""
    return distributed.get_world_size() if _is_joined() else 1


def is_main_process() -> bool:
    """Whether this process is the one that writes and prints."""
    return _rank() == 0


def _rank() -> int:
    return distributed.get_rank() if _is_joined() else 0


def _is_joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def exit_other_processes() -> None:
    """Continue only in the first process.

    Raises:
        SystemExit: this is another process.
    """
    if not is_main_process():
        sys.exit(0)


def local_rank() -> tuple[int, int]:
    """The number of this process on its machine, from 0, and the count of processes there."""
    if world_size() == 1:
        return 0, 1
    return int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])


def rank_key(word: str) -> str:
    """A key for random numbers: unchanged in the first process, different in the others."""
    return word if is_main_process() else f"{word} of process {_rank()}"


def shard(rows: Int64[Tensor, " _"]) -> Int64[Tensor, " _"]:
    """This process's share: all shares together are `rows`; their sizes differ by one at most."""
    return torch.tensor_split(rows, world_size())[_rank()]


def wrap_parallel(model: nn.Module) -> nn.Module:
    """Wrap the network for training: its gradients are the mean over the processes.

    All start with the weights of the first process. BatchNorm sees the images of its own process;
    `average_buffers` averages its statistics.
    """
    if world_size() == 1:
        return model
    # torch would copy the first process's BatchNorm statistics to all at each step
    known = inspect.signature(DistributedDataParallel).parameters
    newer = "forward_sync_buffers" in known  # torch 2.15's name for it
    options: dict[str, Any] = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
    return DistributedDataParallel(model, **options)


def weight_loss(loss: Float[Tensor, ""], images: int) -> Float[Tensor, ""]:
    """The mean loss of `images`, weighted so that the mean over processes is over all images."""
    if world_size() == 1:
        return loss
    # shares may differ by one image: a plain mean of means would weigh images unequally
    mine = torch.full((), float(images), dtype=torch.float64, device=loss.device)
    return loss * (mine / all_reduce_mean(mine))


def all_reduce_mean(value: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The mean over the processes, in each of them."""
    if world_size() > 1:
        value = value.clone()
        distributed.all_reduce(value)
        value /= world_size()
    return value


def average_buffers(buffers: Iterable[Tensor]) -> None:
    """Replace each buffer by its mean over the processes, in place; step counts stay."""
    for buffer in buffers:
        if buffer.is_floating_point():
            buffer.copy_(all_reduce_mean(buffer))


def gather_rows(
    outputs: Float[Tensor, "own output"], rows: Int64[Tensor, " own"], total: int
) -> Float[Tensor, "image output"]:
    """The outputs of all rows, in order, collected from all processes.

    Args:
        outputs: the outputs of this process's rows.
        rows: the numbers of these rows, 0 to `total` - 1; each row belongs to one process.
        total: the number of rows of all processes.
    """
    if world_size() == 1:
        return outputs
    # a sum with zeros is exact; all_gather would want shares of equal length
    whole = outputs.new_zeros(total, outputs.shape[1])
    whole[rows.to(outputs.device)] = outputs
    distributed.all_reduce(whole)
    return whole


def broadcast_bytes(content: bytes) -> bytes:
    """The bytes of the first process, in each of them."""
    if world_size() == 1:
        return content
    size = torch.tensor(len(content))
    distributed.broadcast(size, 0)
    whole = bytearray(content if is_main_process() else int(size))
    if whole:
        distributed.broadcast(torch.frombuffer(whole, dtype=torch.uint8), 0)
    return bytes(whole)


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches per epoch: as few as possible, with sizes that differ by one image at most.

    A last batch of two images would disturb BatchNorm and the optimizer's moments: on 578 photos in
    batches of 32 it doubled the training loss. fastai drops the last batch. No process gets a
    single image of a batch, because BatchNorm needs two.

    >>> steps_per_epoch(128, 64), steps_per_epoch(129, 64)
    (2, 3)
    """
    return max(min(-(-images // batch_size), images // (2 * world_size())), 1)

"""params.yaml, typed and checked as a whole: the only place where you set the numbers of a run."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from pawprint.core import colors, schema, yaml_file
from pawprint.core.schema import Section

FILE = Path("params.yaml")
DEVICE, DEVICES = r"^(auto|cpu|mps|cuda(:\d+)?)$", "auto, cpu, mps, cuda or cuda:N"
ARCHITECTURES = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
    *(f"efficientnet_b{size}" for size in range(8)),
    *("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"),
    *("convnext_tiny", "convnext_small", "convnext_base", "convnext_large"),
)

Count = Annotated[int, Field(gt=0)]
# YAML has .inf, which is above 0: it would be a learning rate
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Magnitude = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # RandomState, for the split, takes 32 bits
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pixels = Annotated[int, Field(ge=8, le=2048)]
# the networks shrink a picture 32-fold; on 16 px, oneDNN leaves gradients of bfloat16 depthwise
# convolutions uninitialised (torch 2.15, stride 2 on a plane of 1×1)
Input = Annotated[int, Field(ge=32, le=2048)]
Sides = Input | Annotated[str, StringConstraints(pattern=schema.SIDES)]  # HEIGHTxWIDTH
Architecture = Annotated[str, schema.one_of(ARCHITECTURES)]


class Label(Section):
    """How each image is assigned to a split."""

    split: Literal["random", "hash", "stratified", "group", "official"]
    valid_fraction: Share
    seed: Seed
    on_duplicates: Literal["warn", "error"]


class Presize(Section):
    """The cache of decoded images."""

    size: Pixels
    background: colors.Colour
    on_error: Literal["stop", "skip"]


class Augment(Section):
    """Random changes of training images."""

    flip: Fraction
    max_rotate: Annotated[float, Field(ge=0, le=90)]
    max_zoom: Annotated[float, Field(ge=1, le=10)]
    max_warp: Annotated[float, Field(ge=0, lt=0.5)]
    max_lighting: Annotated[float, Field(ge=0, lt=1)]  # 1: the range of contrast is infinite
    p_affine: Fraction
    p_lighting: Fraction
    min_scale: Annotated[float, Field(gt=0, le=1)]
    supersample: Annotated[int, Field(ge=1, le=2)]


class Optimizer(Section):
    """AdamW, the head's dropout, and what trains in the body while it is frozen."""

    weight_decay: Magnitude
    beta2: Share
    eps: Positive
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    train_norm: bool


class Finder(Section):
    """The learning rate finder: `steps` batches with rates that grow from `start` to `end`."""

    start: Positive
    end: Positive
    steps: Annotated[int, Field(ge=10)]

    @model_validator(mode="after")
    def grows(self) -> "Finder":
        """Check two keys together."""
        if self.start >= self.end:
            raise ValueError("lr_find.start must be below lr_find.end")
        return self


class OneCycleParams(Section):
    """One-cycle over some epochs."""

    epochs: Annotated[int, Field(ge=0)]  # 0 leaves the phase out
    pct_start: Share
    div: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    div_final: Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Frozen(OneCycleParams):
    """The first phase: train the head and the body's normalisation layers."""

    body_ratio: Annotated[float, Field(gt=0, le=1)]


class Unfrozen(OneCycleParams):
    """The second phase, with its own learning rates from the first group of layers to the last."""

    lr_min: Positive | None
    lr_max: Positive | Literal["auto", "half"]

    @model_validator(mode="after")
    def grows(self) -> "Unfrozen":
        """Check two keys together."""
        if self.lr_max == "half" and self.lr_min is not None:
            raise ValueError(
                "unfrozen.lr_max: half sets both learning rates; leave unfrozen.lr_min empty"
            )
        if self.lr_min and not isinstance(self.lr_max, str) and self.lr_min > self.lr_max:
            raise ValueError("unfrozen.lr_min must not be above unfrozen.lr_max")
        return self


class Evaluate(Section):
    """What stage evaluate measures."""

    bins: Count
    top_losses: Count
    size: Sides | None
    tta: Literal["none", "flip", "augmented"]


class Runtime(Section):
    """The machine's settings; DVC does not track them, because they must not change a result."""

    device: Annotated[str, StringConstraints(pattern=DEVICE), Field(description=DEVICES)]
    memory: Annotated[float, Field(gt=0, le=1)]


class TrainParams(Section):
    """The training keys: what lr_find and both train stages depend on."""

    arch: Architecture
    size: Sides
    batch_size: Annotated[int, Field(ge=2)]  # BatchNorm in the head raises on one
    precision: Literal["auto", "float32", "bfloat16", "float16"]
    threads: Annotated[int, Field(ge=1, le=1024)]
    processes: Annotated[int, Field(ge=1, le=1024)]
    seed: Seed
    augment: Augment
    optimizer: Optimizer


class Params(TrainParams):
    """The whole of params.yaml."""

    example: ClassVar[str] = "presets/digits.yaml has every key"
    dataset: Name
    weights: Annotated[str, StringConstraints(pattern=schema.FILLED)] | None
    weights_sha256: Sha256 | None
    lr: Positive | Literal["auto"]
    label: Label
    presize: Presize
    lr_find: Finder
    frozen: Frozen
    unfrozen: Unfrozen
    evaluate: Evaluate
    runtime: Runtime

    @model_validator(mode="after")
    def the_cache_is_large_enough(self) -> "Params":
        """Otherwise the network would see images that were shrunk, then enlarged."""
        for key, size in (("size", self.size), ("evaluate.size", self.evaluate.size or 0)):
            sides = [int(side) for side in str(size).split("x")]
            longest = max(sides)
            if size and min(sides) < 32:
                raise ValueError(f"{key} is {size}: each side must have 32 px or more")
            if longest > self.presize.size:
                raise ValueError(
                    f"{key} is {size}, above presize.size, which is {self.presize.size}, so the "
                    f"cache would have to be enlarged; set presize.size to {longest} or more"
                )
        return self

    @model_validator(mode="after")
    def something_is_trained(self) -> "Params":
        """Otherwise evaluate would score an untrained network."""
        if self.frozen.epochs + self.unfrozen.epochs == 0:
            raise ValueError("frozen.epochs and unfrozen.epochs are both 0; set one to 1 or more")
        return self

    @model_validator(mode="after")
    def every_process_has_two_pictures(self) -> "Params":
        """BatchNorm needs at least two images in each batch."""
        if self.batch_size < 2 * self.processes:
            raise ValueError(
                f"batch_size is {self.batch_size}, and each of the {self.processes} processes "
                f"needs two images of every batch; set batch_size to {2 * self.processes} or more"
            )
        return self

    @model_validator(mode="after")
    def local_weights_are_hashed(self) -> "Params":
        """DVC sees only the path of a local file, not its bytes."""
        if self.weights and is_file_name(self.weights) and not self.weights_sha256:
            if not is_there(Path(self.weights)):
                name = yaml_file.one_line(repr(self.weights), 200)
                raise ValueError(
                    f"weights is {name}: no such file; give a path from the project's root, or a "
                    "torchvision name such as DEFAULT"
                )
            raise ValueError(
                f"weights_sha256 is missing: {self.weights!r} is a local file, and only its hash "
                f"tells one file from another; get it with `sha256sum {self.weights}`"
            )
        return self


def is_file_name(weights: str) -> bool:
    """Whether `weights` is a file, not a torchvision name such as IMAGENET1K_V1."""
    return weights.endswith((".pth", ".pt", ".safetensors")) or "/" in weights


def is_there(path: Path) -> bool:
    """Whether the file exists; a name that is too long for the system does not."""
    try:
        return path.is_file()
    except OSError:
        return False


def load(path: Path = FILE) -> Params:
    """The params of this run.

    Raises:
        FileNotFoundError: no params.yaml here.
        ValueError: the file is not YAML, or some keys are wrong; the message names every one, with
            its value and the fix.
    """
    return schema.validate(Params, yaml_file.load(path), str(path))


def train_params(params: Params) -> TrainParams:
    """The training keys of this run."""
    return TrainParams(**{name: getattr(params, name) for name in TrainParams.model_fields})

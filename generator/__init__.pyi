from .base import (
    ALGORITHMIC_MEDIA as ALGORITHMIC_MEDIA,
    Cancel as Cancel,
    Capabilities as Capabilities,
    Generator as Generator,
    OnStep as OnStep,
    Pixels as Pixels,
    Step as Step,
    TRAINED_ALGORITHMIC_MEDIA as TRAINED_ALGORITHMIC_MEDIA,
)
from .errors import (
    BackendFailed as BackendFailed,
    BackendNotInstalled as BackendNotInstalled,
    Cancelled as Cancelled,
    GeneratorError as GeneratorError,
    OutOfMemory as OutOfMemory,
    UnknownBackend as UnknownBackend,
    UnsupportedSpec as UnsupportedSpec,
)
from .registry import (
    available as available,
    create as create,
    known as known,
)
from .spec import (
    GenerationSpec as GenerationSpec,
    Mode as Mode,
)

from .base import (
    ALGORITHMIC_MEDIA as ALGORITHMIC_MEDIA,
)
from .base import (
    TRAINED_ALGORITHMIC_MEDIA as TRAINED_ALGORITHMIC_MEDIA,
)
from .base import (
    Cancel as Cancel,
)
from .base import (
    Capabilities as Capabilities,
)
from .base import (
    Generator as Generator,
)
from .base import (
    OnStep as OnStep,
)
from .base import (
    Pixels as Pixels,
)
from .base import (
    Step as Step,
)
from .errors import (
    BackendFailed as BackendFailed,
)
from .errors import (
    Cancelled as Cancelled,
)
from .errors import (
    GeneratorError as GeneratorError,
)
from .errors import (
    OutOfMemory as OutOfMemory,
)
from .errors import (
    UnknownBackend as UnknownBackend,
)
from .errors import (
    UnsupportedSpec as UnsupportedSpec,
)
from .registry import (
    available as available,
)
from .registry import (
    create as create,
)
from .spec import (
    GenerationSpec as GenerationSpec,
)
from .spec import (
    Mode as Mode,
)

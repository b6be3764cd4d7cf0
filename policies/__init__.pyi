from .context import (
    NEURAL as NEURAL,
)
from .context import (
    PROCEDURAL as PROCEDURAL,
)
from .context import (
    AgeMode as AgeMode,
)
from .context import (
    Context as Context,
)
from .decision import (
    Action as Action,
)
from .decision import (
    CheckStatus as CheckStatus,
)
from .decision import (
    Decision as Decision,
)
from .decision import (
    Match as Match,
)
from .decision import (
    Missing as Missing,
)
from .decision import (
    Segment as Segment,
)
from .decision import (
    Signal as Signal,
)
from .decision import (
    Stage as Stage,
)
from .document import (
    Overlay as Overlay,
)
from .document import (
    Policy as Policy,
)
from .document import (
    Rule as Rule,
)
from .engine import (
    evaluate as evaluate,
)
from .errors import (
    PolicyError as PolicyError,
)
from .errors import (
    PolicyInvalid as PolicyInvalid,
)
from .errors import (
    PolicyNotFound as PolicyNotFound,
)
from .errors import (
    PolicyTooLarge as PolicyTooLarge,
)
from .issues import (
    Issue as Issue,
)
from .loader import (
    check as check,
)
from .loader import (
    library as library,
)
from .loader import (
    load as load,
)
from .loader import (
    loads as loads,
)
from .overlay import (
    effective as effective,
)

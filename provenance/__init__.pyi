from . import certificates as certificates
from . import manifest as manifest
from . import signer as signer
from . import trust as trust
from . import verifier as verifier
from .certificates import (
    SigningIdentity as SigningIdentity,
)
from .certificates import (
    ensure_development_chain as ensure_development_chain,
)
from .errors import (
    ProvenanceError as ProvenanceError,
)
from .limits import (
    ProvenanceLimits as ProvenanceLimits,
)
from .manifest import (
    ManifestRequest as ManifestRequest,
)
from .signer import (
    SignedFile as SignedFile,
)
from .signer import (
    sign_file as sign_file,
)
from .trust import (
    TrustList as TrustList,
)
from .verdicts import (
    Verdict as Verdict,
)
from .verdicts import (
    VerificationReport as VerificationReport,
)
from .verifier import (
    verify as verify,
)

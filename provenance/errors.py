"""What can go wrong in this room, by who is at fault."""

from __future__ import annotations


class ProvenanceError(Exception):
    """The base of this room's errors. ``code`` is stable; ``remedy`` says what to do."""

    code = "provenance_error"

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class CredentialInvalid(ProvenanceError):
    """A certificate or key cannot sign: wrong profile, expired, not a pair, wrong passphrase."""

    code = "credential_invalid"


class KeyUnavailable(ProvenanceError):
    """The key's home (file, token, key service) did not answer or refused to sign."""

    code = "key_unavailable"


class TimestampUnavailable(ProvenanceError):
    """No time-stamp server answered and the policy wants a time-stamp."""

    code = "timestamp_unavailable"


class SigningFailed(ProvenanceError):
    """The file was not signed; nothing was written."""

    code = "signing_failed"


class HistoryErased(SigningFailed):
    """The source carries a manifest and was not given as the parent: history would be lost."""

    code = "history_erased"


class IngredientUnusable(SigningFailed):
    """An ingredient file is not there, not readable or of no known type."""

    code = "ingredient_unusable"


class TrustListInvalid(ProvenanceError):
    """A trust list cannot be read, has no anchor, or is past its expiry."""

    code = "trust_list_invalid"


class VerifierUnavailable(ProvenanceError):
    """The verifier itself could not be started; this says nothing about the file."""

    code = "verifier_unavailable"


class ComplianceUnmet(ProvenanceError):
    """A profile demands something that the file or the request does not have."""

    code = "compliance_unmet"


class RecordUnknown(ProvenanceError):
    """The registry has no such manifest or content."""

    code = "record_unknown"


class SoftBindingInvalid(ProvenanceError):
    """A soft-binding value or algorithm name cannot be used."""

    code = "soft_binding_invalid"

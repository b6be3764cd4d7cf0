"""What a certificate must be to stand in a certification path (RFC 5280, section 6.1).

:func:`provenance.trust.check_path` walks the path; this says whether one certificate of it may
issue the one below, and whether it says something binding that we do not understand.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
"""Critical extensions that may be critical. Name constraints are not processed here, so a
certificate that makes them binding cannot be followed (RFC 5280, section 4.2)."""


def binding_unknown(certificate: x509.Certificate) -> bool:
    """Whether a critical extension says something that is not processed here."""
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return True
    return any(e.critical and e.oid not in _UNDERSTOOD for e in extensions)


def may_issue(issuer: x509.Certificate, below: int) -> bool:
    """Whether ``issuer`` is an authority for a path with ``below`` authorities under it.

    ``below`` counts intermediate authorities between it and the end entity (RFC 5280, 4.2.1.9).
    """
    try:
        extensions = issuer.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    if not basic.ca or (basic.path_length is not None and basic.path_length < below):
        return False
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool(usage.key_cert_sign)

"""Whether whoever logged in a while ago would be let in still."""

from typing import NamedTuple

from leafhub.exchange import proofs
from leafhub.model.device import Credential
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import RegistryView


class Standing(NamedTuple):
    """A login that was good when it was shown.

    Attributes:
        name: The operator's; empty: nobody in particular.
        proofs: What of the operator's must be there still.
    """

    name: str
    proofs: tuple[Credential, ...]

    def may(self, needed: Role, application: str, registry: RegistryView) -> bool:
        """Whether it is good still, and has that role for an application."""
        operator = registry.operator(self.name)
        return (
            operator is not None
            and all(one in operator.proofs for one in self.proofs)
            and operator.may(needed, application)
        )


def standing_of(operator: Operator, secret: str | None) -> Standing:
    """Take down a login; ``None``: nothing was shown.

    Which of several slow proofs a secret fits is not worked out again: all of them must stay.
    """
    if secret is None:
        return Standing(operator.name, ())
    shown = secret.encode()
    slow = tuple(one for one in operator.proofs if one.kind in proofs.SLOW_KINDS)
    quick = (one for one in operator.proofs if one not in slow and proofs.verify(one, shown))
    found = next(quick, None)
    return Standing(operator.name, slow if found is None else (found,))

"""How a call changes the registry, and on what its answer rests."""

from collections.abc import Callable, Sequence

from leafhub.errors import HubError, UnavailableError
from leafhub.exchange.exchange import Exchange
from leafhub.model.registry import Change


async def change(exchange: Exchange, judge: Callable[[], Sequence[Change]]) -> None:
    """Change the registry as ``judge`` finds right; committed on return.

    A verdict that changes nothing holds only if what it was judged by is on disk: while somebody
    else's change is on its way there, it may yet be taken back. Then it is judged anew.

    Args:
        exchange: Has the registry.
        judge: Looks at it, and gives the changes; waits for nothing, so that nobody else gets a
            turn before they are made.

    Raises:
        HubError: The call is refused.
    """
    while True:
        try:
            changes = judge()
            if changes:
                await exchange.apply(changes)
                return
        except UnavailableError:
            raise  # that was no verdict
        except HubError:
            if await exchange.settled():
                raise
        else:
            if await exchange.settled():
                return

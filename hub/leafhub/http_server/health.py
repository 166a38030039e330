"""Health for load balancers and systemd, without a login and without a word about the inside."""

from litestar import Response, get
from litestar.di import NamedDependency

from leafhub.exchange.exchange import Exchange


@get("/healthz", tags=["health"], media_type="text/plain", summary="The hub runs")
async def healthz() -> str:
    """200 as long as the hub answers at all."""
    return "ok\n"


@get("/readyz", tags=["health"], media_type="text/plain", summary="The hub can take messages")
async def readyz(exchange: NamedDependency[Exchange]) -> Response[str]:
    """200 while what devices send is stored, 503 while the store is in trouble."""
    if exchange.status().store.trouble is None:
        return Response("ready\n")
    return Response("the store is in trouble\n", status_code=503)

"""The registry as one TOML document, in the operator API."""

import asyncio
from typing import Final

from litestar import Controller, MediaType, Response, get, put
from litestar.di import NamedDependency

from leafhub import document, document_export, document_plan
from leafhub.contract import operator_api as contract
from leafhub.errors import BusyError, RequestError
from leafhub.exchange import proofs
from leafhub.exchange.exchange import Exchange
from leafhub.http_server.login import AsOperator
from leafhub.http_server.openapi import TOML, TakesDocument, refusals
from leafhub.http_server.permissions import caller_of, for_the_hub, hub_wide, require
from leafhub.model.device import Credential
from leafhub.model.operator import Role

PLANS: Final = 5
"""How often a document is planned anew when others change what it is about; nobody is so busy for
long."""


class DocumentApi(Controller):
    """Out and in."""

    path = "/registry"
    tags = ("operator",)

    @get(
        summary="All applications and devices as TOML document",
        description=f"Every secret is in it. {for_the_hub(Role.ADMIN)}",
        guards=[hub_wide(Role.ADMIN)],
        media_type=TOML,
        responses=refusals(403),
    )
    async def registry(self, exchange: NamedDependency[Exchange]) -> Response[str]:
        """The document that PUT takes; secrets are in it as they are kept."""
        registered = document_export.registered(exchange.registry)
        text = await asyncio.to_thread(
            document_export.export, registered, exchange.dialect
        )  # 0.4 s per 1000 devices
        return Response(text, media_type=f"{TOML}; charset=utf-8")

    @put(
        summary="Take a TOML document in; all of it, or nothing",
        description=for_the_hub(Role.ADMIN),
        guards=[hub_wide(Role.ADMIN)],
        media_type=MediaType.JSON,
        operation_class=TakesDocument,
        responses=refusals(403, 409, 413, 422),
    )
    async def apply(
        self, request: AsOperator, exchange: NamedDependency[Exchange]
    ) -> contract.ApplyReport:
        """Take a TOML document in; what it does not mention stays."""
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError as exc:
            raise RequestError(f"not TOML: not UTF-8 ({exc.reason} at byte {exc.start})") from exc
        declared = document.parse(text)
        require(caller_of(request, exchange.registry), Role.ADMIN)
        async with request.app.state.apply_lock:  # the registry is to be as it was planned upon
            plan = await _plan(declared, exchange)
            if plan.changes:
                await exchange.apply(plan.changes)
        return contract.ApplyReport(
            created=list(plan.created),
            updated=list(plan.updated),
            unchanged=list(plan.unchanged),
        )


async def _plan(declared: document.Document, exchange: Exchange) -> document_plan.Plan:
    """Plan upon the registry as it is when the plan is ready.

    Raises:
        BusyError: While passwords were hashed, others changed what the document is about, each
            time.
    """
    for _ in range(PLANS):
        plan = await document_plan.plan(
            declared, exchange.registry, exchange.dialect, exchange.arrival, _Threads()
        )
        if plan.holds(exchange.registry):
            return plan
    raise BusyError("what the document is about changes all the time; come back later")


class _Threads:
    """Proofs worked out in a thread: one takes tens of milliseconds, and devices are waiting."""

    async def hash(self, secret: str) -> str:
        return await asyncio.to_thread(proofs.hash_secret, secret)

    async def fits(self, credential: Credential, secret: str) -> bool:
        return await asyncio.to_thread(proofs.verify, credential, secret.encode())

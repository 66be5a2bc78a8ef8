"""HTTP connections of a study: not too many at a time, and none for ever."""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

PATIENCE_S = 20.0  # that a connection may stand still
_CONNECTIONS = 512  # at a time
_FAREWELL_S = 3.0  # for a reply that is under way when the server ends


class PatientProtocol(H11Protocol):
    """One connection. uvicorn itself waits without end for a request, and for who reads a reply."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._before = self._progress()
        self._watch: TimerHandle = self.loop.call_later(PATIENCE_S, self._look)
        if len(self.connections) > _CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._watch.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Let a reply go out, but not for ever."""
        super().shutdown()
        self.loop.call_later(_FAREWELL_S, self.transport.abort)

    def _progress(self) -> tuple[RequestResponseCycle | None, int]:
        """Return what changes with every request that is complete, and with every part of a reply.

        A request that comes drop by drop is no progress.
        """
        return self.cycle, self.transport.get_write_buffer_size()

    def _look(self) -> None:
        cycle, unsent = now = self._progress()
        ours = cycle and not (cycle.more_body or cycle.response_complete or unsent)
        if now == self._before and not ours:
            self.transport.abort()
            return
        self._before = now
        self._watch = self.loop.call_later(PATIENCE_S, self._look)

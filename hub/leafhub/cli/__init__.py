"""The command line ``leafhub``.

Exit codes: 0 done; 1 refused or failed; 2 wrong call; 3 no answer from the hub; 4 the command to a
device failed or expired; 130 ended by Ctrl-C.
"""

import gc
import sys
from collections.abc import Sequence

from leafhub.errors import HubError

DONE = 0
INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code, and says cause and cure where it failed.

    Each way loads only what it needs: the hub stays in memory for months.
    """
    words = list(sys.argv[1:] if args is None else args)
    try:
        if words[:1] == ["run"]:
            gc.disable()  # all that is loaded stays: looking at it is a tenth of the start
            from leafhub.cli import run_command  # noqa: PLC0415 - see above

            run_command.run(words[1:])
        else:
            from leafhub.cli import commands  # noqa: PLC0415

            commands.build()(args=words, prog_name="leafhub")
    except HubError as exc:
        from leafhub.cli.complaint import complain  # noqa: PLC0415

        return complain(exc)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE

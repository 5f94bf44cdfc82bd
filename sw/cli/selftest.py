"""``lifline selftest``: is a board all right?"""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated

import typer

from lifline.arch.config_file import configuration
from lifline.arch.errors import DeviceError, LiflineError

from .app import Json, app, console, print_json, typed_errors


@app.command()
def selftest(
    device: Annotated[str, typer.Option(help="serial:/dev/ttyUSB0, sim:tiny, ...; what was loaded there is gone afterwards")],
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="the configuration that the board should have; default: any")] = None,
    as_json: Json = False,
) -> None:
    """Test a board: link, every memory, and a network against the golden model."""
    from lifline.driver import device as devices
    from lifline.driver.linked import LinkedDevice
    from lifline.driver.selftest import Check, unreachable
    from lifline.driver.selftest import selftest as checks

    answers: list[Check] = []

    def show(answer: Check) -> None:
        answers.append(answer)
        mark = "[green]ok[/]    " if answer.passed else "[red]FAILED[/]"
        console.print(f"{mark} {answer.name}: ", end="")
        console.print(answer.text, highlight=False, markup=False, soft_wrap=True)

    start = time.monotonic()
    with typed_errors():
        wanted = None if config is None else configuration(config)
        try:
            opened = devices.open(device, config=wanted if device.startswith("serial:") else None)  # a simulated one would become it
        except LiflineError as error:
            show(unreachable(error))
        else:
            with opened:
                if not isinstance(opened, LinkedDevice):
                    raise DeviceError(f"{device} is no board; give a serial: or sim: device")
                for answer in checks(opened, expected=wanted):
                    show(answer)
    failed = [answer.name for answer in answers if not answer.passed]
    verdict = f"not all right: {', '.join(failed)}" if failed else "all right"
    console.print(f"{device} is {verdict} ({time.monotonic() - start:.1f} s)", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print_json({"device": device, "passed": not failed, "checks": [dataclasses.asdict(answer) for answer in answers]})
    if failed:
        raise typer.Exit(1)

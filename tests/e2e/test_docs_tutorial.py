"""docs/tutorial.md does what it says: its commands, pasted into a shell, and a person who allows the login."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sundial_local.paths import ROOT
from tests.support.local_server import needs_make_run, run_as_typed
from tests.support.pages import answers, assert_alike, every_command, text_of
from tests.support.reader import allow, reading

PAGE = text_of("docs/tutorial.md")
CONFIG = ROOT / "examples" / "tutorial.yaml"

pytestmark = [
    needs_make_run,
    pytest.mark.skipif(not all(map(shutil.which, ("sh", "curl", "python3"))), reason="needs sh, curl, python3"),
]


def test_every_command_is_answered_as_the_page_says(tmp_path: Path) -> None:
    config = Path(shutil.copy(CONFIG, tmp_path))  # for the reader to change
    state = tmp_path / "state"
    with (
        every_command("docs/tutorial.md") as shown,
        run_as_typed(run := next(shown), state, CONFIG=str(config)) as server,
        reading(
            "docs/tutorial.md",
            shown,
            {"http://127.0.0.1:8080": server.issuer, "--local": f"--local --state {state}", ".sundial": str(state)},
        ) as reader,
    ):
        prepared, _, banner = answers(PAGE)[run].partition("Sundial serves")
        assert prepared.count("Preparing ") == 3
        assert_alike(f"Sundial serves{banner}", "\n".join(server.printed).replace(str(state), ".sundial"))
        assert reader.paste() == []
        [codes] = reader.paste()
        assert "Your device is connected" in allow(codes["verification_uri_complete"])
        [claims] = reader.paste()
        assert (claims["aud"], claims["groups"]) == ("example-cli", ["ops"])
        assert reader.paste() == [{"answer": "the same successor"}]
        assert [answer["error"] for answer in reader.paste()] == ["invalid_grant"] * 2
        assert "refresh token replayed" in reader.type()
        assert "jane@example.com" in reader.type()
        assert "signs until" in reader.type()
        assert "wait until then" in reader.type()
        assert "is deployed, and this command is of the same version" in reader.type()

        right = config.read_text("utf-8")
        config.write_text(right.replace("idTokens: 1h", "idTokens: 90d"), "utf-8")
        said = server.wait_for("tutorial.yaml:[0-9]+: error")
        assert said.partition("tutorial.yaml")[2] in PAGE
        assert server.wait_for("remedy").strip() in PAGE
        config.write_text(right.replace("idTokens: 1h", "idTokens: 30m"), "utf-8")
        server.wait_for("Loaded the change")

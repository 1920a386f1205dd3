"""Which checkpoint is shown where none is chosen."""

from frontend.components.pick import most_named


def test_most_names_come_first_then_what_sees_its_agent_then_the_newest() -> None:
    newest = {"id": "newest", "named": 9, "agent_right": 0.47}
    seeing = {"id": "seeing", "named": 9, "agent_right": 0.82}
    unmeasured = {"id": "unmeasured", "named": 9, "agent_right": None}
    assert most_named([newest, seeing, unmeasured])["id"] == "seeing"
    assert most_named([unmeasured, unmeasured | {"id": "older"}])["id"] == "unmeasured"
    assert most_named([seeing, {"id": "named", "named": 12, "agent_right": None}])["id"] == "named"

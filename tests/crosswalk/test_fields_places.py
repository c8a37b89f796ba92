"""Places: coordinates are within the range of degrees, and those the wrong way round are put right and said."""

import pytest

from harvester.crosswalk.fields import media, places
from harvester.entry import Box, Geo, Point, Problem

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("text", "geo", "codes"),
    [
        ("Kiel", Geo("Kiel"), []),
        ("name=Perth; east=115.85717; north=-31.95301", Geo("Perth", Point(-31.95301, 115.85717)), []),
        ("name=Perth; east=-31.95; north=115.85", Geo("Perth", Point(-31.95, 115.85)), ["coordinates_swapped"]),
        ("northlimit=-31; southlimit=-32; westlimit=115; eastlimit=116; name=P", Geo("P", None, Box(115, -32, 116, -31)), []),
        ("MaxY: 41.5, MinY: 40, MaxX: -73, MinX: -74", Geo("MaxY: 41.5, MinY: 40, MaxX: -73, MinX: -74", None, Box(-74, 40, -73, 41.5)), []),
        ("name=X; east=200; north=95", Geo("X"), ["coordinates_impossible"]),
        ("Time: 12:30, Note: 7", Geo("Time: 12:30, Note: 7"), []),
    ],
)  # fmt: skip
def test_a_place_keeps_its_words_and_gets_its_coordinates(text: str, geo: Geo, codes: list[str]) -> None:
    notes: list[Problem] = []
    assert places.read(text, notes) == geo
    assert [note.code for note in notes] == codes


@pytest.mark.parametrize(
    ("lat", "lon", "point", "code"),
    [
        (90, -180, Point(90, -180), None),
        (-31.9, 115.8, Point(-31.9, 115.8), None),
        (115.8, -31.9, Point(-31.9, 115.8), "coordinates_swapped"),
        (95, 95, None, "coordinates_impossible"),
        (200, 10, None, "coordinates_impossible"),
        (NAN, 10, None, "coordinates_impossible"),
        (10, NAN, None, "coordinates_impossible"),
        (INFINITY, 10, None, "coordinates_impossible"),
    ],
)
def test_a_point_is_on_the_globe(lat: float, lon: float, point: Point | None, code: str | None) -> None:
    notes: list[Problem] = []
    assert places.point(lat, lon, notes, "raw") == point
    assert notes == ([Problem("geo", code, "raw")] if code else [])


@pytest.mark.parametrize(
    ("sides", "box", "code"),
    [
        ((-74, 40, -73, 41), Box(-74, 40, -73, 41), None),
        ((40, 100, 41, 120), Box(100, 40, 120, 41), "coordinates_swapped"),
        ((-200, 40, -73, 41), None, "coordinates_impossible"),
        ((-74, NAN, -73, 41), None, "coordinates_impossible"),
    ],
)
def test_a_box_is_on_the_globe(sides: tuple[float, ...], box: Box | None, code: str | None) -> None:
    notes: list[Problem] = []
    given = dict(zip(("west", "south", "east", "north"), sides, strict=True))
    assert places.box(given, notes, "raw") == box
    assert notes == ([Problem("geo", code, "raw")] if code else [])


@pytest.mark.parametrize(
    ("text", "is_size", "size"),
    [
        ("12kb", True, None), ("90 pages", True, None), ("1.2 MB", True, None), ("1,234 bytes", True, None), ("20 x 25 cm.", True, None),
        ("145088", True, 145088), ("145088 bytes", True, 145088), ("text/csv", False, None), ("PDF", False, None), ("1 of many", False, None),
        ("application/pdf", False, None),
    ],
)  # fmt: skip
def test_a_size_stays_text_and_only_bytes_are_a_number(text: str, is_size: bool, size: int | None) -> None:
    assert media.is_size(text) is is_size
    assert media.size_in_bytes(text) == size

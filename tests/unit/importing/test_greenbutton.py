"""Green Button files, written by hand after the schema of ESPI; no household of theirs exists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.aliases import Aliases, read_aliases
from orchestration.importing.greenbutton import read_green_button

POINT = "https://utility.example/espi/RetailCustomer/9/UsagePoint/4711000042"
SERIES = f"{POINT}/MeterReading/1"


@pytest.fixture
def aliases(tmp_path: Path) -> Aliases:
    path = tmp_path / "aliases.csv"
    path.write_text(
        "identifier,channel,device_id,metric\n4711000042,forward,home-1,energy\n4711000042,reverse,home-1,export\n"
    )
    return read_aliases(path)


def entry(links: dict[str, str], resource: str) -> str:
    told = "".join(f'<link rel="{rel.partition("#")[0]}" href="{href}"/>' for rel, href in links.items())
    content = resource.replace(">", ' xmlns="http://naesb.org/espi">', 1)
    return f"<entry><id>urn:uuid:1</id>{told}<content>{content}</content></entry>"


def reading_type(number: int = 1, **fields: object) -> str:
    told = {"accumulationBehaviour": 4, "flowDirection": 1, "powerOfTenMultiplier": 0, "uom": 72} | fields
    body = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    return entry({"self": f"/espi/ReadingType/{number}"}, f"<ReadingType>{body}</ReadingType>")


def meter_reading(series: str = SERIES, kind: int = 1) -> str:
    links = {"self": series, "related": f"{series}/IntervalBlock", "related#": f"/espi/ReadingType/{kind}"}
    return entry(links, "<MeterReading></MeterReading>")


def block(*readings: str, series: str = SERIES) -> str:
    links = {"self": f"{series}/IntervalBlock/1", "up": f"{series}/IntervalBlock"}
    return entry(links, f"<IntervalBlock>{''.join(readings)}</IntervalBlock>")


def reading(start: object, value: object, *quality: int, duration: object = 3600) -> str:
    flags = "".join(f"<ReadingQuality><quality>{code}</quality></ReadingQuality>" for code in quality)
    period = f"<timePeriod><duration>{duration}</duration><start>{start}</start></timePeriod>"
    return f"<IntervalReading>{flags}{period}<value>{value}</value></IntervalReading>"


def written(tmp_path: Path, *entries: str, updated: str = "2024-05-02T06:00:00Z", before: str = "") -> Path:
    path = tmp_path / "usage.xml"
    body = f"<updated>{updated}</updated>{''.join(entries)}"
    path.write_text(f'<?xml version="1.0"?>{before}<feed xmlns="http://www.w3.org/2005/Atom">{body}</feed>')
    return path


def test_an_interval_is_its_use_at_its_begin(tmp_path: Path, aliases: Aliases) -> None:
    # 1714521600 is 2024-05-01T00:00:00Z.
    blocks = block(reading(1714521600, 450, 0), reading(1714525200, 7, 8, 10), reading(1714528800, 0))
    delivery = read_green_button(written(tmp_path, reading_type(), meter_reading(), blocks), aliases)
    assert delivery.made_at == datetime(2024, 5, 2, 6, tzinfo=UTC)
    assert [(r.at.hour, r.quantity, r.unit, r.quality) for r in delivery.readings] == [
        (0, "450", "Wh", "valid"),
        (1, "7", "Wh", "estimated using reference day+questionable"),
        (2, "0", "Wh", None),
    ]
    assert {(r.alias.device_id, r.alias.metric, r.interval_seconds) for r in delivery.readings} == {
        ("home-1", "energy", 3600)
    }


@pytest.mark.parametrize(
    ("power", "value", "quantity"),
    [
        (0, "450", "450"), (3, "450", "450000"), (-3, "450", "0.450"), (-3, "-1", "-0.001"),
        # More digits than a double, or the usual context of a decimal, could hold.
        (-12, "123456789012345678", "123456.789012345678"),
        (12, "123456789012345678", "123456789012345678000000000000"),
    ],
)  # fmt: skip
def test_a_power_of_ten_is_applied_exactly(
    tmp_path: Path, aliases: Aliases, power: int, value: str, quantity: str
) -> None:
    kind = reading_type(powerOfTenMultiplier=power)
    delivery = read_green_button(written(tmp_path, kind, meter_reading(), block(reading(0, value))), aliases)
    assert [r.quantity for r in delivery.readings] == [quantity]


def test_directions_are_channels(tmp_path: Path, aliases: Aliases) -> None:
    other = f"{POINT}/MeterReading/2"
    entries = [
        reading_type(), meter_reading(), block(reading(0, 5)),
        reading_type(2, flowDirection=19, uom=42), meter_reading(other, 2), block(reading(0, 6), series=other),
    ]  # fmt: skip
    delivery = read_green_button(written(tmp_path, *entries), aliases)
    assert [(r.alias.metric, r.quantity, r.unit) for r in delivery.readings] == [
        ("energy", "5", "Wh"),
        ("export", "6", "m3"),
    ]


def test_a_register_is_read_at_the_end_of_its_period(tmp_path: Path, aliases: Aliases) -> None:
    kind = reading_type(accumulationBehaviour=3)
    delivery = read_green_button(written(tmp_path, kind, meter_reading(), block(reading(3600, 100))), aliases)
    assert [r.at for r in delivery.readings] == [datetime(1970, 1, 1, 2, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ([reading_type(), meter_reading()], "usage.xml: holds no IntervalBlock"),
        ([reading_type(), block(reading(0, 1))], "usage.xml entry 2: its links lead to no MeterReading"),
        ([meter_reading(), block(reading(0, 1))], "usage.xml entry 2: its links lead to no MeterReading"),
        ([reading_type(powerOfTenMultiplier=13)], "usage.xml entry 1: powerOfTenMultiplier is '13'"),
        ([reading_type(accumulationBehaviour=12)], "usage.xml entry 1: accumulationBehaviour '12'"),
        ([reading_type(), meter_reading(), block(reading(0, "1.5"))], "usage.xml entry 3 reading 1: value is '1.5'"),
        ([reading_type(), meter_reading(), block(reading("", 1))], "usage.xml entry 3 reading 1: timePeriod"),
        ([reading_type(), meter_reading(), block(reading("9" * 17, 1))], "usage.xml entry 3 reading 1: timePeriod"),
        (
            [
                reading_type(), meter_reading(), block(reading(0, 1)),
                meter_reading(f"{POINT}/MeterReading/2"), block(reading(0, 1), series=f"{POINT}/MeterReading/2"),
            ],
            "usage.xml entry 5: a second MeterReading of channel 'forward' for device 'home-1'",
        ),
    ],
)  # fmt: skip
def test_a_bad_entry_is_named(tmp_path: Path, aliases: Aliases, entries: list[str], line: str) -> None:
    with pytest.raises(BadInputError) as refusal:
        read_green_button(written(tmp_path, *entries), aliases)
    assert str(refusal.value).startswith(line)


def test_a_usage_point_without_alias_is_refused_and_not_named(tmp_path: Path, aliases: Aliases) -> None:
    series = SERIES.replace("4711000042", "4711009999")
    path = written(tmp_path, reading_type(), meter_reading(series), block(reading(0, 1), series=series))
    with pytest.raises(BadInputError) as refusal:
        read_green_button(path, aliases)
    assert "channel 'forward' of metering point ******9999 is not in" in str(refusal.value)
    assert "4711" not in str(refusal.value)


@pytest.mark.parametrize("updated", ["", "yesterday", "2024-05-02T06:00:00"])
def test_a_feed_says_when_it_was_made(tmp_path: Path, aliases: Aliases, updated: str) -> None:
    path = written(tmp_path, reading_type(), meter_reading(), block(reading(0, 1)), updated=updated)
    with pytest.raises(BadInputError, match="the feed's <updated> is"):
        read_green_button(path, aliases)


def test_bombs_and_outside_entities_are_refused(tmp_path: Path, aliases: Aliases) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    for declared in (f'<!ENTITY l0 "ha">{laughs}', '<!ENTITY secret SYSTEM "file:///etc/passwd">', ""):
        path = written(tmp_path, before=f"<!DOCTYPE feed [{declared}]>")
        with pytest.raises(BadInputError, match="declares a document type or entities"):
            read_green_button(path, aliases)


@pytest.mark.parametrize(
    "content", ["", "no xml", "<html></html>", "<feed>", '<?xml version="1.0" encoding="x-none"?><a/>']
)
def test_what_is_no_feed_is_refused(tmp_path: Path, aliases: Aliases, content: str) -> None:
    path = tmp_path / "usage.xml"
    path.write_text(content)
    with pytest.raises(BadInputError, match=r"usage\.xml: is no"):
        read_green_button(path, aliases)

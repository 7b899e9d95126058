"""Grammar of trigger specifications, errors about invalid ones, and their form in the catalog."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_engine_api import PluginType, SpecificationError
from influxdb3_engine_api.specification import (
    AllTables,
    Cron,
    Every,
    Request,
    Specification,
    Table,
    depends_on_server,
    parse,
    parse_catalog,
    portable,
    same_schedule,
)

FORMS = (
    "expect one of the following forms: 'table:<TABLE_NAME>', 'all_tables', 'cron:<CRON_EXPRESSION>', "
    "'every:<DURATION>', or 'request:<PATH>'"
)
NO_DURATION = "couldn't parse to duration"
OVER_A_YEAR = "don't support every schedules of over 1 year"

# accepted by a real server (tests/conformance/recordings/trigger_specifications.json)
RECORDED_AS_ACCEPTED = [
    "table:cpu",
    "table:a b",
    "cron:0 0 6 * * 1-5",
    "cron:0 0 6 * * SUN",
    "cron:0 0 6 * * MON-FRI",
    "cron:0 0 6 * * mon",
    "cron:0 0 6 ? * 1",
    "cron:*/10 * * * * *",
    "cron:0 0 0 1 JAN *",
    "cron:0 0 0 * * * 2030",
    "every:30s",
    "every:5m",
    "every:1h",
    "every:1d",
    "every:1w",
    "every:1M",
    "every:1y",
    "every:1h30m",
    "every:1 h",
    "every:1hour",
    "every:500ms",
    "every:1.5h",
    "request:ok_1",
    "request:a/b_1",
    "request:with space",
    "request:/lead_1",
    "request:ünï",
]

# refused by a real server, with its answer
RECORDED_AS_REFUSED = [
    ("", f"failed to parse trigger from : {FORMS}"),
    ("nonsense", f"failed to parse trigger from nonsense: {FORMS}"),
    ("all_table", f"failed to parse trigger from all_table: {FORMS}"),
    ("ALL_TABLES", f"failed to parse trigger from ALL_TABLES: {FORMS}"),
    ("Every:5m", f"failed to parse trigger from Every:5m: {FORMS}"),
    ("table:", "failed to parse trigger from table:: table name is empty"),
    ("cron:", "failed to parse trigger from cron:"),
    ("cron:* * * * *", "failed to parse trigger from cron:* * * * *"),
    ("cron:0 0 6 L * *", "failed to parse trigger from cron:0 0 6 L * *"),
    ("cron:60 * * * * *", "failed to parse trigger from cron:60 * * * * *"),
    ("cron:0 0 24 * * *", "failed to parse trigger from cron:0 0 24 * * *"),
    ("cron:0 0 0 32 * *", "failed to parse trigger from cron:0 0 0 32 * *"),
    ("cron:0 0 0 1 13 *", "failed to parse trigger from cron:0 0 0 1 13 *"),
    ("every:366d", f"failed to parse trigger from every:366d: {OVER_A_YEAR}"),
    ("every:2y", f"failed to parse trigger from every:2y: {OVER_A_YEAR}"),
    ("every:13M", f"failed to parse trigger from every:13M: {OVER_A_YEAR}"),
    ("every:", f"failed to parse trigger from every:: {NO_DURATION}"),
    ("every:-1s", f"failed to parse trigger from every:-1s: {NO_DURATION}"),
    ("every:1x", f"failed to parse trigger from every:1x: {NO_DURATION}"),
    ("request:", "failed to parse trigger from request:"),
]


@pytest.mark.parametrize("text", RECORDED_AS_ACCEPTED)
def test_what_a_real_server_accepts_is_accepted_and_sent_unchanged(text: str) -> None:
    assert parse(text).text == text


@pytest.mark.parametrize(("text", "answer"), RECORDED_AS_REFUSED)
def test_what_a_real_server_refuses_is_refused_with_its_text(text: str, answer: str) -> None:
    with pytest.raises(SpecificationError) as refused:
        parse(text)
    assert refused.value.server_text == answer


@pytest.mark.parametrize(
    "text",
    [
        "cron:0 0 6 * * 7",  # weekdays are 0-6
        "cron:@daily",
        "cron: @hourly",
        "every:0s",  # a real server fails for good
        "every:0",
        "every:999us",
    ],
)
def test_specifications_that_harm_the_server_or_contradict_the_published_api_are_refused(text: str) -> None:
    with pytest.raises(SpecificationError):
        parse(text)


def test_sunday_is_zero_as_in_the_published_api() -> None:
    assert portable(parse("cron:0 0 6 * * 0")).text == "cron:0 0 6 * * SUN"


@pytest.mark.parametrize(
    "expression",
    [
        "******",
        "*/59 * * * * *",
        "5/15 * * * * *",
        "0,30 1-5 0-23/2 1,15,31 jan,MARCH-june *",
        " 0  0\t6 1 - 5 * * ",
        "0 0 0 ? * ?",
        "0 0 0 31 2 *",
        "0 0 0 * * tues,thurs,Saturday",
        "0 0 0 * * MON-FRI/2",
        "0 0 0 * december 6",
        "00 000 0 01 1 *",
        "0 0 0 * * * *",
        "*******",
        "0 0 0 1 1 * 1970",
        "0 0 0 1 1 * 2100",
        "0 0 0 1 1 * 2027,2030-2040/5,2050/10",
        "0 0 0 31 2 * 2030",
        "0 0 0 1 1 * 1999",
    ],
)
def test_the_server_grammar_of_cron_is_accepted(expression: str) -> None:
    assert isinstance(parse(f"cron:{expression}"), Cron)


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("0 6 * * 1", "this has five: put the second in front, '0 0 6 * * 1'"),
        ("0 6 * * SUN", "this has five: put the second in front, '0 0 6 * * SUN'"),
        ("15 10 31  12 *", "this has five: put the second in front, '0 15 10 31  12 *'"),
        ("*****", "this has five: put the second in front, '0 *****'"),
        ("15 10 ? * 6 2030", "this has five and a year: put the second in front, '0 15 10 ? * 6 2030'"),
        ("0 6 * * 7", "put the second in front, '0 0 6 * * 7'; in that, day-of-week is 0-6, Sunday is 0; 7 is not"),
        ("0 0", "cron has six fields"),
        ("0 0 0 * * * 2030 *", "day-of-week) and may have a year as seventh"),
        ("0 0 0 * * * 1969", "year is 1970-2100; 1969 is not"),
        ("0 0 0 * * * 2030-2101", "year is 1970-2100; 2101 is not"),
        ("0 0 0 * * * 2040-2030", "2040-2030 wraps around in the year field"),
        ("0 0 0 * * * */0", "a step in the year field is 1-2100; 0 is not"),
        ("0 0 0 * * * ?", "'?' has no meaning in the year field, which takes 1970-2100"),
        ("0 0 0 * * * 2030L", "'2030L' has no meaning in the year field"),
        ("0 0 0 15W * *", "'15W' has no meaning in the day-of-month field, which takes 1-31, '*', lists (a,b)"),
        ("0 0 0 1,15W * *", "'15W' has no meaning in the day-of-month field"),
        ("0 0 0 L-3 * *", "'L-3' has no meaning in the day-of-month field"),
        ("0 0 0 1-L * *", "'1-L' has no meaning in the day-of-month field"),
        ("0 0 0 * * 5L", "'5L' has no meaning in the day-of-week field, which takes 0-6, SUN-SAT, '*'"),
        ("0 0 0 * * FRIL 2030", "'FRIL' has no meaning in the day-of-week field"),
        ("0 0 0 * 12x *", "'12x' has no meaning in the month field, which takes 1-12, JAN-DEC"),
        ("@weekly", "shorthands are not part of the API"),
        ("0 0 22-2 * * *", "22-2 wraps around in the hour field: write two ranges"),
        ("0 0 0 * * FRI-MON", "FRI-MON wraps around in the day-of-week field"),
        ("0 0 0 * * MON/2", "a single name cannot have a step"),
        ("0 0 0 * * 1-FRI", "1-FRI mixes a number and a name"),
        ("*/0 * * * * *", "a step in the second field is 1-59; 0 is not"),
        ("*/60 * * * * *", "a step in the second field is 1-59; 60 is not"),
        ("*/ * * * * *", "a step in the second field is 1-59; * is not"),
        ("? * * * * *", "'?' has no meaning in the second field"),
        ("0 0 0 ?/2 * *", "'?/2' has no meaning in the day-of-month field"),
        ("0 0 0 0 * *", "day-of-month is 1-31; 0 is not"),
        ("0 0 0 * 0 *", "month is 1-12; 0 is not"),
        ("0 0 0 * * 7", "day-of-week is 0-6, Sunday is 0; 7 is not"),
        ("0 0 0 * sept *", "'sept' has no meaning in the month field"),
        ("0 0 0 * * thur", "'thur' has no meaning in the day-of-week field"),
        ("jan 0 0 * * *", "'jan' has no meaning in the second field"),
        ("0 0 0 * * MON#2", "'MON#2' has no meaning in the day-of-week field"),
        ("0 0 0 LW * *", "'LW' has no meaning in the day-of-month field"),
        ("1, 0 0 * *", "cron has six fields"),
        ("0 0 0 * * 1,", "the day-of-week field is incomplete"),
        ("-1 0 0 * * *", "'-' has no meaning in the second field"),
        ("٣ * * * * *", "'٣' has no meaning in the second field"),
        ("9" * 5000 + " * * * * *", "a number of 5000 digits has no meaning"),
    ],
)
def test_the_error_about_an_invalid_cron_expression_says_what_to_write(expression: str, hint: str) -> None:
    with pytest.raises(SpecificationError) as refused:
        parse(f"cron:{expression}")
    assert hint in refused.value.hint
    assert refused.value.server_text == f"failed to parse trigger from cron:{expression}"


@pytest.mark.parametrize(
    ("expression", "zone", "remedy"),
    [
        ("CRON_TZ=Europe/Berlin 0 0 6 * * *", "CRON_TZ=Europe/Berlin", "0 0 6 * * *"),
        (
            "TZ=America/Argentina/Buenos_Aires 0 0 6 * * MON 2030",
            "TZ=America/Argentina/Buenos_Aires",
            "0 0 6 * * MON 2030",
        ),
        ("TZ=UTC 0 6 * * *", "TZ=UTC", "0 0 6 * * *"),
        ("0 0 6 * * * Europe/Berlin", "Europe/Berlin", "0 0 6 * * *"),
        ("0 0 6 * * SAT (CEST)", "CEST", "0 0 6 * * SAT"),
        ("0 0 6 * * * Etc/GMT+1", "Etc/GMT+1", "0 0 6 * * *"),
        ("0 0 6 * * * +02:00", "+02:00", "0 0 6 * * *"),
        ("0 0 6 * * * UTC", "UTC", "0 0 6 * * *"),
        ("0 0 6 * * * 2030 Z", "Z", "0 0 6 * * * 2030"),
    ],
)
def test_a_cron_expression_with_a_time_zone_is_an_error_that_says_what_to_write(
    expression: str, zone: str, remedy: str
) -> None:
    with pytest.raises(SpecificationError) as refused:
        parse(f"cron:{expression}")
    assert refused.value.hint.endswith(
        f"cron is in UTC, without a time zone: leave '{zone}' out and write the hours in UTC: '{remedy}'"
    )
    assert isinstance(parse(f"cron:{remedy}"), Cron)


@pytest.mark.parametrize(
    ("text", "specification"),
    [
        ("  all_tables\n", AllTables()),
        (" table: cpu ", Table("cpu")),
        ("table:table:cpu", Table("cpu")),
        ("table:Table:cpu", Table("Table:cpu")),
        ("request:request: a/b", Request("a/b")),
    ],
)
def test_blanks_and_repeated_prefixes_are_removed(text: str, specification: Specification) -> None:
    assert parse(text) == specification


@pytest.mark.parametrize(
    ("text", "catalog_json", "plugin_type"),
    [
        ("all_tables", '"all_tables_wal_write"', PluginType.WAL),
        ('table:a "b"ü', '{"single_table_wal_write":{"table_name":"a \\"b\\"ü"}}', PluginType.WAL),
        ("cron:0 0 6 * * MON-FRI", '{"schedule":{"schedule":"0 0 6 * * MON-FRI"}}', PluginType.SCHEDULE),
        ("every:1h30m", '{"every":{"duration":{"secs":5400,"nanos":0}}}', PluginType.SCHEDULE),
        ("every:1500ms", '{"every":{"duration":{"secs":1,"nanos":500000000}}}', PluginType.SCHEDULE),
        ("request:a/b", '{"request_path":{"path":"a/b"}}', PluginType.REQUEST),
    ],
)
def test_the_catalog_form_of_a_specification_is_the_servers(
    text: str, catalog_json: str, plugin_type: PluginType
) -> None:
    specification = parse(text)

    assert specification.catalog_json == catalog_json
    assert specification.plugin_type is plugin_type
    assert same_schedule(parse_catalog(catalog_json), specification)


@pytest.mark.parametrize("text", RECORDED_AS_ACCEPTED)
def test_a_specification_that_is_read_back_equals_what_was_sent(text: str) -> None:
    sent = portable(parse(text))

    assert same_schedule(parse_catalog(sent.catalog_json), sent)


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        ("@yearly", "0 0 0 1 1 *"),
        ("@monthly", "0 0 0 1 * *"),
        ("@weekly", "0 0 0 * * SUN"),
        ("@daily", "0 0 0 * * *"),
        (" @Hourly ", "0 0 * * * *"),
        ("0 0 6 * * 1", "0 0 6 * * SUN"),
        ("0 0 6 * * 7", "0 0 6 * * SAT"),
        ("0 0 6 * * 7 2030", "0 0 6 * * SAT 2030"),
        ("0 0 6 * * 1-5", "0 0 6 * * SUN-THU"),
        ("0 0 6 * * 2,4-6/2,tues", "0 0 6 * * MON,WED-FRI/2,TUE"),
        ("0 0 6 * * 2/3", "0 0 6 * * MON-SAT/3"),
        ("0 0 6 * * 7/3", "0 0 6 * * SAT"),
        ("0 0 6 * * 3/7", "0 0 6 * * TUE"),
        ("0 0 6 * * */7", "0 0 6 * * SUN"),
        ("00 000 06 01 jan ?", "0 0 6 1 1 *"),
        ("0 0-30/15 0 * * *", "0 0,15,30 0 * * *"),
        ("0 5/15 0 * * 1-7", "0 5,20,35,50 0 * * *"),
        ("******", "* * * * * * *"),
    ],
)
def test_a_cron_expression_of_a_real_server_is_the_same_as_a_declared_one(expression: str, meaning: str) -> None:
    read = parse_catalog(f'{{"schedule":{{"schedule":"{expression}"}}}}')

    assert read.text == f"cron:{expression}"
    assert same_schedule(read, parse(f"cron:{meaning}"))
    assert same_schedule(parse(portable(read).text), read)
    assert not same_schedule(read, parse("cron:1 2 3 4 5 *"))


@pytest.mark.parametrize("expression", ["@reboot", "0 0 6 * * 8", "0 0 6 L * *", "0 6 * * *"])
def test_an_unknown_cron_expression_of_a_server_equals_only_the_same_text(expression: str) -> None:
    read, other = (parse_catalog(f'{{"schedule":{{"schedule":"{each}"}}}}') for each in (expression, "0 0 6 W * *"))

    assert read.text == portable(read).text == f"cron:{expression}"
    assert same_schedule(read, read)
    assert not same_schedule(read, other)
    assert not same_schedule(read, parse("cron:* * * * * *"))


def test_the_embedded_engine_counts_weekdays_from_sunday_as_0() -> None:
    stored = '{"schedule":{"schedule":"0 0 6 * * 1-5"}}'

    assert same_schedule(parse_catalog(stored, sunday=0), parse("cron:0 0 6 * * MON-FRI"))
    assert not same_schedule(parse_catalog(stored, sunday=1), parse("cron:0 0 6 * * MON-FRI"))


@pytest.mark.parametrize(
    ("expression", "depends"),
    [
        ("0 0 6 * * 1-5", True),
        ("0 0 6 * * 7", True),
        ("0 0 6 * * 0", True),
        ("0 0 6 * * MON-FRI/2", False),
        ("0 0 6 1 1 */2 2030", False),
        ("@weekly", False),
        ("no cron", False),
    ],
)
def test_only_numbers_for_weekdays_depend_on_the_server(expression: str, depends: bool) -> None:
    assert depends_on_server(f'{{"schedule":{{"schedule":"{expression}"}}}}') is depends


@pytest.mark.parametrize("catalog_json", ["", "{}", "null", '"all"', '{"every":{"duration":"1s"}}', '{"new":{}}'])
def test_a_catalog_entry_of_an_unknown_form_is_an_error(catalog_json: str) -> None:
    with pytest.raises(ValueError, match=r"unknown form|Expecting value"):
        parse_catalog(catalog_json)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("every:90m", "every:1h30m"),
        ("every:7d", "every:1w"),
        ("cron:0 0 6 * * mon-FRI", "cron: 0  0 6 * * MON-fri"),
        ("cron:******", "cron:* * * * * *"),
        ("cron:0 0 0 1 jan * 2030-2040/2", "cron:0 0 0  1 JAN * 2030 - 2040 / 2"),
        ("table:cpu", " table:table:cpu"),
    ],
)
def test_two_texts_of_one_schedule_are_equal(one: str, other: str) -> None:
    assert same_schedule(parse(one), parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("every:90m", "every:91m"),
        ("cron:1 11 * * * *", "cron:11 1 * * * *"),
        ("cron:0 0 0 1 1 * 2030", "cron:0 0 0 1 1 * 2031"),
        ("cron:0 0 0 1 1 * 2030", "cron:0 0 0 1 1 *"),
        ("cron:0 0 6 * * MON", "cron:0 0 6 * * TUE"),
        ("table:cpu", "table:CPU"),
        ("table:cpu", "request:cpu"),
        ("all_tables", "table:all_tables"),
    ],
)
def test_different_schedules_are_not_equal(one: str, other: str) -> None:
    assert not same_schedule(parse(one), parse(other))


@pytest.mark.parametrize(
    ("published", "sent"),
    [
        ("0 0 6 * * 1-5", "0 0 6 * * MON-FRI"),
        ("0 30 14 * * 5", "0 30 14 * * FRI"),
        ("0 0 0 1 * *", "0 0 0 1 * *"),
        ("0 0 0 * * 0,6", "0 0 0 * * SUN,SAT"),
        ("0 0 0 * * 2/2", "0 0 0 * * TUE-SAT/2"),
        ("0 0 0 * * 6/2", "0 0 0 * * SAT"),
        ("0 0 0 * * */2", "0 0 0 * * */2"),
        ("0 0 0 * * sunday", "0 0 0 * * SUN"),
        ("0 0 0 ? jan ?", "0 0 0 * 1 *"),
        ("0 0 0 * * 1-5 2030,2040/5", "0 0 0 * * MON-FRI 2030,2040/5"),
        ("0 0 0 * * 0 *", "0 0 0 * * SUN *"),
    ],
)
def test_numeric_weekdays_are_sent_as_names(published: str, sent: str) -> None:
    assert portable(parse(f"cron:{published}")).text == f"cron:{sent}"


@pytest.mark.parametrize("text", ["all_tables", "table:cpu", "every:1 h", "request:a"])
def test_the_portable_form_of_other_specifications_is_unchanged(text: str) -> None:
    assert portable(parse(text)) == parse(text)


@given(st.text(max_size=40), st.sampled_from(["", "table:", "cron:", "every:", "request:", "cron:0 0 0 * * "]))
def test_every_text_is_a_specification_or_a_specification_error(text: str, prefix: str) -> None:
    try:
        specification = parse(prefix + text)
    except SpecificationError:
        return
    assert parse(specification.text) == specification


@given(st.text(alphabet="0123456789*,-/? \tMONSUFRIjanL#.smhdwMy", max_size=30))
def test_texts_that_look_like_schedules_are_parsed_or_refused(text: str) -> None:
    for prefix in ("cron:", "every:"):
        try:
            specification = parse(prefix + text)
        except SpecificationError:
            continue
        assert isinstance(specification, Cron | Every)
        assert same_schedule(parse_catalog(specification.catalog_json), specification)

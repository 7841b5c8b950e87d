//! Scalar functions and operators, a table a group.

use super::{check, connection, evaluate};
use crate::server::bigquery::function::{array_sql, cast, field_sql, sort_key, struct_sql, unnest_sql};
use crate::server::bigquery::value::{Type, Value};

#[test]
fn arithmetic_overflows_and_divides_as_bigquery_does() {
    check(&[
        ("op +", &["INT64 1", "INT64 2"], "3"),
        ("op +", &["INT64 9223372036854775807", "INT64 1"], "error: int64 overflow: 9223372036854775807 + 1"),
        ("op -", &["INT64 -9223372036854775808", "INT64 1"], "error: int64 overflow: -9223372036854775808 - 1"),
        ("op *", &["FLOAT64 1e308", "FLOAT64 10"], "error: double overflow: 1e+308 * 10"),
        ("op +", &["INT64 1", "NUMERIC 2.5"], "3.5"),
        ("op +", &["NUMERIC 1", "FLOAT64 2.5"], "3.5"),
        ("op /", &["INT64 5", "INT64 2"], "2.5"),
        ("op /", &["INT64 1", "INT64 0"], "error: division by zero: 1 / 0"),
        ("op /", &["NUMERIC 1", "NUMERIC 3"], "0.333333333"),
        ("op -", &["INT64 5"], "-5"),
        ("op -", &["INT64 -9223372036854775808"], "error: int64 overflow: -(-9223372036854775808)"),
        ("op +", &["NULL", "INT64 2"], "NULL"),
        ("op +", &["DATE 2024-02-28", "INT64 2"], "2024-03-01"),
        ("op +", &["DATE 9999-12-31", "INT64 1"], "error: Adding 1 DAY to date 9999-12-31 causes overflow"),
        ("SAFE_ADD", &["INT64 9223372036854775807", "INT64 1"], "NULL"),
        ("SAFE_DIVIDE", &["INT64 1", "INT64 0"], "NULL"),
        ("IEEE_DIVIDE", &["INT64 1", "INT64 0"], "inf"),
        ("IEEE_DIVIDE", &["INT64 0", "INT64 0"], "NaN"),
        ("DIV", &["INT64 -7", "INT64 2"], "-3"),
        ("DIV", &["INT64 1", "INT64 0"], "error: division by zero: 1 / 0"),
        ("MOD", &["INT64 -7", "INT64 3"], "-1"),
        ("op <<", &["INT64 1", "INT64 64"], "0"),
        ("op >>", &["INT64 -1", "INT64 1"], "9223372036854775807"),
        ("op >>", &["INT64 1", "INT64 -1"], "error: Bitwise >>: Shift by negative offset: 1 >> -1"),
        ("BIT_COUNT", &["INT64 -1"], "64"),
    ]);
}

#[test]
fn comparison_knows_nan_null_and_structs() {
    check(&[
        ("op =", &["FLOAT64 NaN", "FLOAT64 NaN"], "false"),
        ("op !=", &["FLOAT64 NaN", "FLOAT64 1"], "true"),
        ("op <", &["FLOAT64 1", "FLOAT64 NaN"], "false"),
        ("op =", &["FLOAT64 0", "FLOAT64 -0"], "true"),
        ("op =", &["INT64 1", "NULL"], "NULL"),
        ("op IN", &["FLOAT64 NaN", "FLOAT64 NaN", "FLOAT64 1"], "false"),
        ("op IN", &["INT64 1", "INT64 2", "NULL"], "NULL"),
        ("op BETWEEN", &["INT64 2", "INT64 1", "FLOAT64 2.5"], "true"),
        ("op IS DISTINCT FROM", &["INT64 1", "NULL"], "true"),
        ("op IS DISTINCT FROM", &["FLOAT64 NaN", "FLOAT64 NaN"], "false"),
        ("op =", &["TIMESTAMP 2024-01-01", "STRING 2024-01-01"], "true"),
        (
            "op =",
            &["ARRAY<INT64> 1", "ARRAY<INT64> 1"],
            "error: Equality is not defined for arguments of type ARRAY<INT64>",
        ),
        ("GREATEST", &["INT64 1", "FLOAT64 2.5", "INT64 2"], "2.5"),
        ("GREATEST", &["INT64 1", "NULL"], "NULL"),
        ("LEAST", &["FLOAT64 1", "FLOAT64 NaN"], "NaN"),
        ("NULLIF", &["INT64 1", "INT64 1"], "NULL"),
        ("NULLIF", &["FLOAT64 NaN", "FLOAT64 NaN"], "NaN"),
        ("COALESCE", &["NULL", "INT64 2", "FLOAT64 3"], "2"),
        ("IFNULL", &["NULL", "STRING x"], "x"),
        ("op NOT", &["BOOL true"], "false"),
        ("op OR", &["NULL", "BOOL true"], "true"),
        ("op IS NULL", &["NULL"], "true"),
        ("op IS NOT TRUE", &["NULL"], "true"),
    ]);
}

#[test]
fn mathematics_rounds_half_away_from_zero() {
    check(&[
        ("ROUND", &["FLOAT64 2.5"], "3"),
        ("ROUND", &["FLOAT64 -2.5"], "-3"),
        ("ROUND", &["FLOAT64 123.7", "INT64 -1"], "120"),
        ("ROUND", &["FLOAT64 1.235", "INT64 2"], "1.24"),
        ("ROUND", &["NUMERIC 1.235", "INT64 2"], "1.24"),
        ("ROUND", &["INT64 7"], "7"),
        ("TRUNC", &["FLOAT64 -2.8"], "-2"),
        ("CEIL", &["NUMERIC -2.8"], "-2"),
        ("FLOOR", &["NUMERIC -2.8"], "-3"),
        ("SQRT", &["FLOAT64 -1"], "error: Argument to SQRT cannot be negative: -1"),
        ("LN", &["FLOAT64 0"], "error: Floating point error in function: LN(0)"),
        ("LOG", &["FLOAT64 8", "FLOAT64 2"], "3"),
        ("POW", &["INT64 2", "INT64 10"], "1024"),
        ("SIGN", &["FLOAT64 -0"], "0"),
        ("RANGE_BUCKET", &["INT64 20", "ARRAY<INT64> 0|10|20|30|40"], "3"),
        ("RANGE_BUCKET", &["INT64 -1", "ARRAY<INT64> 0|10"], "0"),
        (
            "RANGE_BUCKET",
            &["INT64 1", "ARRAY<INT64> 2|1"],
            "error: Elements in input array to RANGE_BUCKET should be in non-decreasing order",
        ),
    ]);
}

#[test]
fn strings_count_by_characters() {
    check(&[
        ("LENGTH", &["STRING абв"], "3"),
        ("BYTE_LENGTH", &["STRING абв"], "6"),
        ("SUBSTR", &["STRING apple", "INT64 2"], "pple"),
        ("SUBSTR", &["STRING apple", "INT64 2", "INT64 2"], "pp"),
        ("SUBSTR", &["STRING apple", "INT64 -2"], "le"),
        ("SUBSTR", &["STRING hello", "INT64 -3", "INT64 2"], "ll"),
        ("SUBSTR", &["STRING apple", "INT64 0"], "apple"),
        ("SUBSTR", &["STRING apple", "INT64 -9", "INT64 2"], "ap"),
        ("SUBSTR", &["STRING apple", "INT64 123"], ""),
        ("SUBSTR", &["STRING a", "INT64 1", "INT64 -1"], "error: Third argument in SUBSTR() cannot be negative"),
        ("CONCAT", &["STRING a", "NULL"], "NULL"),
        ("op ||", &["STRING a", "STRING b"], "ab"),
        ("op ||", &["ARRAY<INT64> 1|2", "ARRAY<INT64> 3"], "[1, 2, 3]"),
        ("TRIM", &["STRING   apple  "], "apple"),
        ("LTRIM", &["STRING ***apple***", "STRING *"], "apple***"),
        ("LPAD", &["STRING abc", "INT64 5"], "  abc"),
        ("LPAD", &["STRING abc", "INT64 2"], "ab"),
        ("RPAD", &["STRING abc", "INT64 8", "STRING def"], "abcdefde"),
        ("REPEAT", &["STRING abc", "INT64 1000000"], "error: Output of REPEAT exceeds max allowed output size of 1MB"),
        ("SPLIT", &["STRING a,b,c"], "[a, b, c]"),
        ("SPLIT", &["STRING abc", "STRING "], "[a, b, c]"),
        ("INSTR", &["STRING banana", "STRING an", "INT64 3"], "4"),
        ("INSTR", &["STRING banana", "STRING an", "INT64 1", "INT64 2"], "4"),
        ("INSTR", &["STRING banana", "STRING an", "INT64 -3"], "4"),
        ("INITCAP", &["STRING Hello WORLD-everyone!"], "Hello World-Everyone!"),
        ("TRANSLATE", &["STRING This is a cookie", "STRING sco", "STRING zku"], "Thiz iz a kuukie"),
        ("CONTAINS_SUBSTR", &["STRING the Blue house", "STRING blue"], "true"),
        ("CHR", &["INT64 255"], "ÿ"),
        ("CHR", &["INT64 -1"], "error: Invalid codepoint -1"),
        ("TO_BASE64", &["BYTES abc"], "YWJj"),
        ("TO_HEX", &["BYTES abc"], "616263"),
        ("FROM_HEX", &["STRING 0AF"], "\0\u{fffd}"),
        ("FARM_FINGERPRINT", &["STRING foo"], "6150913649986995171"),
        ("NORMALIZE", &["STRING ê"], "ê"),
        ("op LIKE", &["STRING a%c", "STRING a\\%_"], "true"),
        ("op LIKE", &["STRING abc", "STRING A%"], "false"),
        ("op LIKE", &["STRING abc", "STRING a\\"], "error: LIKE pattern ends with a backslash which is not allowed"),
    ]);
}

#[test]
fn regular_expressions_extract_and_replace() {
    check(&[
        ("REGEXP_CONTAINS", &["STRING foo@example.com", "STRING @[a-z]+\\.com"], "true"),
        ("REGEXP_CONTAINS", &["STRING a", "STRING ("], "error: Cannot parse regular expression: unclosed group"),
        ("REGEXP_EXTRACT", &["STRING foo@example.com", "STRING ^[a-z]+"], "foo"),
        ("REGEXP_EXTRACT", &["STRING foo@example.com", "STRING @([a-z]+)"], "example"),
        ("REGEXP_EXTRACT", &["STRING Hello Helloo and Hellooo", "STRING H?ello+", "INT64 1", "INT64 3"], "Hellooo"),
        ("REGEXP_EXTRACT", &["STRING a", "STRING b"], "NULL"),
        (
            "REGEXP_EXTRACT",
            &["STRING a", "STRING (a)(b)"],
            "error: Regular expressions passed into extraction functions must not have more than 1 capturing group",
        ),
        ("REGEXP_EXTRACT_ALL", &["STRING Try `f(x)` or `f(y)`", "STRING `(.+?)`"], "[f(x), f(y)]"),
        (
            "REGEXP_REPLACE",
            &["STRING # Heading", "STRING ^# ([a-zA-Z0-9\\s]+$)", "STRING <h1>\\1</h1>"],
            "<h1>Heading</h1>",
        ),
        ("REGEXP_INSTR", &["STRING ab@cd-ef", "STRING @[^-]*"], "3"),
    ]);
}

#[test]
fn format_writes_as_documented() {
    check(&[
        ("FORMAT", &["STRING %d", "INT64 10"], "10"),
        ("FORMAT", &["STRING |%10d|", "INT64 11"], "|        11|"),
        ("FORMAT", &["STRING +%010d+", "INT64 -12"], "+-000000012+"),
        ("FORMAT", &["STRING %'d", "INT64 123456789"], "123,456,789"),
        ("FORMAT", &["STRING -%s-", "STRING abcd efg"], "-abcd efg-"),
        ("FORMAT", &["STRING %f %E", "FLOAT64 1.1", "FLOAT64 2.2"], "1.100000 2.200000E+00"),
        ("FORMAT", &["STRING %.2f", "NUMERIC 2.345"], "2.35"),
        ("FORMAT", &["STRING %g %g", "FLOAT64 0.00001", "FLOAT64 123456789"], "1e-05 1.23457e+08"),
        ("FORMAT", &["STRING %x %X %o", "INT64 255", "INT64 255", "INT64 8"], "ff FF 10"),
        ("FORMAT", &["STRING %t", "DATE 2015-09-01"], "2015-09-01"),
        ("FORMAT", &["STRING %T", "DATE 2015-09-01"], "DATE \"2015-09-01\""),
        ("FORMAT", &["STRING %T", "STRING a\"b"], "\"a\\\"b\""),
        ("FORMAT", &["STRING %t %T", "FLOAT64 1", "ARRAY<FLOAT64> 1|NaN"], "1.0 [1.0, CAST(\"nan\" AS FLOAT64)]"),
        ("FORMAT", &["STRING %t", "NULL"], "NULL"),
        ("FORMAT", &["STRING %d", "NULL"], "NULL"),
        ("FORMAT", &["STRING %-5s|%*d", "STRING ab", "INT64 4", "INT64 7"], "ab   |   7"),
        ("FORMAT", &["STRING 100%%"], "100%"),
        ("FORMAT", &["STRING %d"], "error: Too few arguments to FORMAT for pattern \"%d\"; Expected 2; Got 1"),
        (
            "FORMAT",
            &["STRING x", "INT64 1"],
            "error: Too many arguments to FORMAT for pattern \"x\"; Expected 1; Got 2",
        ),
        (
            "FORMAT",
            &["STRING %d", "STRING x"],
            "error: Invalid type for argument 2 to FORMAT; Expected integer; Got STRING",
        ),
        (
            "FORMAT",
            &["STRING %99999d", "INT64 1"],
            "error: FORMAT: width or precision 99999 is too large; the most is 10000",
        ),
    ]);
}

#[test]
fn dates_are_constructed_converted_and_taken_apart() {
    check(&[
        ("TIMESTAMP", &["STRING 2008-12-25 15:30:00+00"], "2008-12-25 15:30:00+00"),
        ("TIMESTAMP", &["STRING 2008-12-25 15:30:00", "STRING America/Los_Angeles"], "2008-12-25 23:30:00+00"),
        ("TIMESTAMP", &["DATE 2008-12-25"], "2008-12-25 00:00:00+00"),
        ("TIMESTAMP", &["STRING x"], "error: Invalid timestamp: 'x'"),
        ("TIMESTAMP", &["STRING 2024-01-01", "STRING Mars"], "error: Invalid time zone: Mars"),
        ("DATE", &["INT64 2016", "INT64 12", "INT64 25"], "2016-12-25"),
        ("DATE", &["INT64 2016", "INT64 2", "INT64 30"], "error: Input calculates to invalid date: 2016-02-30"),
        ("DATE", &["TIMESTAMP 2016-12-25 05:30:00+07", "STRING America/Los_Angeles"], "2016-12-24"),
        ("DATETIME", &["INT64 2008", "INT64 12", "INT64 25", "INT64 5", "INT64 30", "INT64 0"], "2008-12-25 05:30:00"),
        ("DATETIME", &["TIMESTAMP 2008-12-25 05:30:00+00", "STRING America/Los_Angeles"], "2008-12-24 21:30:00"),
        ("TIME", &["INT64 15", "INT64 30", "INT64 0"], "15:30:00"),
        ("STRING", &["TIMESTAMP 2008-12-25 15:30:00+00", "STRING Asia/Kolkata"], "2008-12-25 21:00:00+05:30"),
        ("EXTRACT", &["STRING DAYOFWEEK", "DATE 2024-01-07"], "1"),
        ("EXTRACT", &["STRING WEEK", "DATE 2017-11-05"], "45"),
        ("EXTRACT", &["STRING WEEK(MONDAY)", "DATE 2017-11-05"], "44"),
        ("EXTRACT", &["STRING ISOYEAR", "DATE 2016-01-01"], "2015"),
        ("EXTRACT", &["STRING HOUR", "TIMESTAMP 2008-12-25 05:30:00+00", "STRING Asia/Kolkata"], "11"),
        ("EXTRACT", &["STRING MILLISECOND", "TIMESTAMP 2008-12-25 05:30:01.123456+00"], "123"),
        (
            "EXTRACT",
            &["STRING HOUR", "DATE 2024-01-01"],
            "error: EXTRACT from DATE does not support the HOUR date part",
        ),
        (
            "EXTRACT",
            &["STRING CENTURY", "DATE 2024-01-01"],
            "error: A valid date part name is required but found CENTURY",
        ),
        ("TIMESTAMP_TRUNC", &["TIMESTAMP 2008-12-25 15:30:00+00", "STRING DAY"], "2008-12-25 00:00:00+00"),
        (
            "TIMESTAMP_TRUNC",
            &["TIMESTAMP 2008-12-25 15:30:00+00", "STRING DAY", "STRING America/Los_Angeles"],
            "2008-12-25 08:00:00+00",
        ),
        ("TIMESTAMP_TRUNC", &["TIMESTAMP 1960-12-25 15:30:59.5+00", "STRING MINUTE"], "1960-12-25 15:30:00+00"),
        ("DATE_TRUNC", &["DATE 2015-06-15", "STRING ISOYEAR"], "2014-12-29"),
        ("DATE_TRUNC", &["DATE 2015-06-15", "STRING HOUR"], "error: DATE_TRUNC does not support the HOUR date part"),
        ("DATETIME_TRUNC", &["DATETIME 2008-12-25 15:30:00", "STRING QUARTER"], "2008-10-01 00:00:00"),
        ("DATE_ADD", &["DATE 2024-01-31", "INT64 1", "STRING MONTH"], "2024-02-29"),
        ("DATE_SUB", &["DATE 2008-12-25", "INT64 5", "STRING DAY"], "2008-12-20"),
        (
            "DATE_ADD",
            &["DATE 9999-12-31", "INT64 1", "STRING YEAR"],
            "error: Adding 1 YEAR to date 9999-12-31 causes overflow",
        ),
        ("TIMESTAMP_ADD", &["TIMESTAMP 2008-12-25 15:30:00+00", "INT64 10", "STRING MINUTE"], "2008-12-25 15:40:00+00"),
        (
            "TIMESTAMP_ADD",
            &["TIMESTAMP 2008-12-25", "INT64 1", "STRING MONTH"],
            "error: TIMESTAMP_ADD does not support the MONTH date part",
        ),
        ("TIME_ADD", &["TIME 23:30:00", "INT64 45", "STRING MINUTE"], "00:15:00"),
        ("DATE_DIFF", &["DATE 2010-07-07", "DATE 2008-12-25", "STRING DAY"], "559"),
        ("DATE_DIFF", &["DATE 2017-10-15", "DATE 2017-10-14", "STRING WEEK"], "1"),
        ("DATE_DIFF", &["DATE 2017-12-30", "DATE 2014-12-30", "STRING YEAR"], "3"),
        ("DATE_DIFF", &["DATE 2017-12-30", "DATE 2014-12-30", "STRING ISOYEAR"], "2"),
        ("DATE_DIFF", &["DATE 2017-12-18", "DATE 2017-12-17", "STRING WEEK(MONDAY)"], "1"),
        (
            "TIMESTAMP_DIFF",
            &["TIMESTAMP 2001-02-01 01:00:00+00", "TIMESTAMP 2001-02-01 00:00:01+00", "STRING HOUR"],
            "0",
        ),
        ("TIMESTAMP_DIFF", &["TIMESTAMP 2018-08-14", "TIMESTAMP 2018-10-14", "STRING DAY"], "-61"),
        ("DATETIME_DIFF", &["DATETIME 2017-10-15 00:00:00", "DATETIME 2017-10-14 23:59:00", "STRING HOUR"], "1"),
        ("LAST_DAY", &["DATE 2008-11-25"], "2008-11-30"),
        ("LAST_DAY", &["DATE 2008-11-10", "STRING WEEK(MONDAY)"], "2008-11-16"),
        ("UNIX_SECONDS", &["TIMESTAMP 1970-01-01 00:00:01.8+00"], "1"),
        ("UNIX_SECONDS", &["TIMESTAMP 1969-12-31 23:59:59.5+00"], "-1"),
        ("TIMESTAMP_SECONDS", &["INT64 1230219000"], "2008-12-25 15:30:00+00"),
        (
            "TIMESTAMP_MICROS",
            &["INT64 9223372036854775807"],
            "error: Input to TIMESTAMP_MICROS is out of range: 9223372036854775807",
        ),
        ("UNIX_DATE", &["DATE 2008-12-25"], "14238"),
        ("DATE_FROM_UNIX_DATE", &["INT64 14238"], "2008-12-25"),
        (
            "TIMESTAMP_BUCKET",
            &["TIMESTAMP 2024-01-01 00:07:00+00", "INT64 5", "STRING MINUTE"],
            "2024-01-01 00:05:00+00",
        ),
        (
            "GENERATE_DATE_ARRAY",
            &["DATE 2016-01-31", "DATE 2016-04-30", "INT64 1", "STRING MONTH"],
            "[2016-01-31, 2016-02-29, 2016-03-31, 2016-04-30]",
        ),
        (
            "GENERATE_TIMESTAMP_ARRAY",
            &["TIMESTAMP 2016-10-06", "TIMESTAMP 2016-10-05", "INT64 -1", "STRING DAY"],
            "[2016-10-06 00:00:00+00, 2016-10-05 00:00:00+00]",
        ),
    ]);
}

#[test]
fn dates_are_formatted_and_parsed_by_elements() {
    check(&[
        ("FORMAT_DATE", &["STRING %b-%d-%Y", "DATE 2008-12-25"], "Dec-25-2008"),
        ("FORMAT_TIMESTAMP", &["STRING %c", "TIMESTAMP 2050-12-25 15:30:55+00"], "Sun Dec 25 15:30:55 2050"),
        (
            "FORMAT_TIMESTAMP",
            &["STRING %E4Y-%m-%dT%H:%M:%E3S%Ez", "TIMESTAMP 2024-01-01 09:15:00.5+00", "STRING Asia/Kolkata"],
            "2024-01-01T14:45:00.500+05:30",
        ),
        ("FORMAT_TIMESTAMP", &["STRING %E*S %Z %q", "TIMESTAMP 2024-01-01 00:00:01.25+00"], "01.25 UTC %q"),
        ("FORMAT_TIMESTAMP", &["STRING %s %Q %j %I%p %", "TIMESTAMP 1970-01-01 13:00:00+00"], "46800 1 001 01PM %"),
        ("FORMAT_TIME", &["STRING %R", "TIME 15:30:00"], "15:30"),
        ("PARSE_DATE", &["STRING %A %b %e %Y", "STRING Thursday Dec 25 2008"], "2008-12-25"),
        ("PARSE_DATE", &["STRING %m/%d/%y", "STRING 12/25/08"], "2008-12-25"),
        ("PARSE_DATE", &["STRING %F", "STRING 2000-12-30"], "2000-12-30"),
        ("PARSE_DATETIME", &["STRING %m/%d/%Y %I:%M:%S %p", "STRING 8/30/2018 2:23:38 pm"], "2018-08-30 14:23:38"),
        ("PARSE_TIME", &["STRING %H", "STRING 15"], "15:00:00"),
        ("PARSE_TIMESTAMP", &["STRING %c", "STRING Thu Dec 25 07:30:00 2008"], "2008-12-25 07:30:00+00"),
        (
            "PARSE_TIMESTAMP",
            &["STRING %Y-%m-%d %H:%M:%E*S%Ez", "STRING 2024-01-01 09:15:00.123456+05:30"],
            "2024-01-01 03:45:00.123456+00",
        ),
        ("PARSE_TIMESTAMP", &["STRING %s", "STRING 1704100500"], "2024-01-01 09:15:00+00"),
        (
            "PARSE_TIMESTAMP",
            &["STRING %Y-%m-%d", "STRING 2024-01-01", "STRING America/New_York"],
            "2024-01-01 05:00:00+00",
        ),
        ("PARSE_DATE", &["STRING %Y", "STRING x"], "error: Failed to parse input string \"x\""),
        ("PARSE_DATE", &["STRING %Y", "STRING 2024 y"], "error: Failed to parse input string \"2024 y\""),
        ("PARSE_DATE", &["STRING %j %Y", "STRING 366 2023"], "error: Failed to parse input string \"366 2023\""),
    ]);
}

#[test]
fn arrays_are_accessed_and_generated() {
    check(&[
        ("op [OFFSET]", &["ARRAY<STRING> a|b", "INT64 1"], "b"),
        ("op [ORDINAL]", &["ARRAY<STRING> a|b", "INT64 1"], "a"),
        ("op [OFFSET]", &["ARRAY<STRING> a|b", "INT64 5"], "error: Array index 5 is out of bounds"),
        ("op [SAFE_OFFSET]", &["ARRAY<STRING> a|b", "INT64 -1"], "NULL"),
        ("op [SAFE_ORDINAL]", &["ARRAY<FLOAT64> 1.5|NaN", "INT64 2"], "NaN"),
        ("op []", &["ARRAY<INT64> 1|2", "INT64 0"], "1"),
        ("ARRAY_LENGTH", &["ARRAY<STRING> a|b"], "2"),
        ("ARRAY_REVERSE", &["ARRAY<INT64> 1|2"], "[2, 1]"),
        ("ARRAY_CONCAT", &["ARRAY<INT64> 1", "ARRAY<INT64> 2|3"], "[1, 2, 3]"),
        ("ARRAY_TO_STRING", &["ARRAY<STRING> a|NULL|b", "STRING --"], "a--b"),
        ("ARRAY_TO_STRING", &["ARRAY<STRING> a|NULL|b", "STRING --", "STRING x"], "a--x--b"),
        ("ARRAY_SLICE", &["ARRAY<INT64> 1|2|3|4", "INT64 1", "INT64 -2"], "[2, 3]"),
        ("GENERATE_ARRAY", &["INT64 1", "INT64 5"], "[1, 2, 3, 4, 5]"),
        ("GENERATE_ARRAY", &["INT64 10", "INT64 0", "INT64 -3"], "[10, 7, 4, 1]"),
        ("GENERATE_ARRAY", &["INT64 1", "INT64 5", "INT64 0"], "error: Sequence step cannot be 0."),
        ("GENERATE_ARRAY", &["FLOAT64 0", "INT64 1", "FLOAT64 0.5"], "[0, 0.5, 1]"),
        (
            "GENERATE_ARRAY",
            &["INT64 0", "INT64 9223372036854775807"],
            "error: Cannot generate arrays with more than 1000000 elements",
        ),
    ]);
}

#[test]
fn json_is_read_by_paths_and_written() {
    let document = "STRING {\"a\": {\"b\": [1, \"x\", null]}, \"c\": true}";
    check(&[
        ("JSON_VALUE", &[document, "STRING $.a.b[1]"], "x"),
        ("JSON_VALUE", &[document, "STRING $.a.b"], "NULL"),
        ("JSON_VALUE", &[document, "STRING $.c"], "true"),
        ("JSON_QUERY", &[document, "STRING $.a.b"], "[1,\"x\",null]"),
        ("JSON_QUERY", &["STRING nonsense", "STRING $.a"], "NULL"),
        ("JSON_EXTRACT_SCALAR", &[document, "STRING $['a'].b[0]"], "1"),
        ("JSON_VALUE", &[document, "STRING a"], "error: JSONPath must start with '$'"),
        ("JSON_QUERY_ARRAY", &[document, "STRING $.a.b"], "[1, \"x\", null]"),
        ("JSON_VALUE_ARRAY", &[document, "STRING $.a.b"], "[1, x, NULL]"),
        ("PARSE_JSON", &["STRING {\"b\": 1, \"a\": [1.5, null]}"], "{\"a\":[1.5,null],\"b\":1}"),
        ("op []", &["JSON {\"a\": [5]}", "STRING a"], "[5]"),
        ("INT64", &["JSON 5"], "5"),
        ("INT64", &["JSON \"5\""], "error: The provided JSON input is not an integer"),
        ("LAX_INT64", &["JSON \"5\""], "5"),
        ("TO_JSON_STRING", &["FLOAT64 1"], "1"),
        ("TO_JSON_STRING", &["TIMESTAMP 2017-03-06 12:34:56.789+00"], "\"2017-03-06T12:34:56.789Z\""),
        ("TO_JSON_STRING", &["ARRAY<STRING> a|NULL"], "[\"a\",null]"),
        ("TO_JSON_STRING", &["NULL"], "null"),
        ("TO_JSON", &["NUMERIC 1.5"], "1.5"),
        ("TYPEOF", &["ARRAY<INT64> 1"], "ARRAY<INT64>"),
        ("ERROR", &["STRING no luck"], "error: no luck"),
    ]);
}

#[test]
fn casts_have_bigquerys_messages() {
    let connection = connection();
    for (from, text, to, expected) in [
        ("STRING", "x", "INT64", Err("Bad int64 value: x")),
        ("STRING", "x", "FLOAT64", Err("Bad double value: x")),
        ("STRING", "x", "TIMESTAMP", Err("Invalid timestamp: 'x'")),
        ("FLOAT64", "2.5", "INT64", Ok("3")),
        ("FLOAT64", "-2.5", "INT64", Ok("-3")),
        ("FLOAT64", "1e19", "INT64", Err("int64 out of range: 1e+19")),
        ("FLOAT64", "NaN", "INT64", Err("Illegal conversion of non-finite floating point number to an integer: nan")),
        ("NUMERIC", "2.5", "INT64", Ok("3")),
        ("FLOAT64", "1", "STRING", Ok("1")),
        ("BOOL", "true", "STRING", Ok("true")),
        ("INT64", "5", "BOOL", Ok("true")),
        ("TIMESTAMP", "2024-01-31 23:00:00+00", "DATE", Ok("2024-01-31")),
        ("DATETIME", "2024-01-31 23:00:00", "TIMESTAMP", Ok("2024-01-31 23:00:00+00")),
        ("STRING", "abc", "BYTES", Ok("abc")),
    ] {
        let (from, to) = (Type::of_name(from).unwrap(), Type::of_name(to).unwrap());
        let value = Value::parse(text, &from).unwrap();
        let run = |safe: bool| {
            let sql = cast(&from, &to, safe).unwrap().sql("?1");
            evaluate(&connection, &sql, std::slice::from_ref(&value), &to).map(|value| value.print())
        };
        let expected = expected.map(|text| Some(text.to_owned())).map_err(str::to_owned);
        assert_eq!(run(false), expected, "{text} to {}", to.name());
        assert_eq!(run(true), Ok(expected.unwrap_or(None)), "{text} to {}", to.name());
    }
    assert_eq!(cast(&Type::Int64, &Type::Date, false), None);
    assert_eq!(cast(&Type::Bytes, &Type::Int64, false), None);
}

#[test]
fn structs_arrays_and_unnesting_keep_values_and_types() {
    let connection = connection();
    let fields =
        [(Some("a".to_owned()), Type::Float64), (None, Type::String), (None, Type::Array(Box::new(Type::Date)))];
    let text = struct_sql(&fields, &["1.5".into(), "'it''s'".into(), "'[3]'".into()]);
    let field = |index: usize| evaluate(&connection, &field_sql(&fields[index].1, index, &text), &[], &fields[index].1);
    assert_eq!(field(0), Ok(Value::Float64(1.5)));
    assert_eq!(field(1), Ok(Value::String("it's".into())));
    assert_eq!(field(2), Ok(Value::Array(vec![Value::Date(3)])));
    assert_eq!(evaluate(&connection, &field_sql(&Type::Int64, 0, "NULL"), &[], &Type::Int64), Ok(Value::Null));
    let long: Vec<String> = (0..25_000).map(|n| n.to_string()).collect();
    let kind = Type::Array(Box::new(Type::Int64));
    let Ok(Value::Array(items)) = evaluate(&connection, &array_sql(&Type::Int64, &long), &[], &kind) else {
        panic!("no array")
    };
    assert_eq!((items.len(), items.last()), (25_000, Some(&Value::Int64(24_999))));
    let (from, value) = unnest_sql(
        &Type::Float64,
        &array_sql(&Type::Float64, &["1.5".into(), "NULL".into(), "x'4e614e'".into()]),
        "u.value",
    );
    let sql = format!("(SELECT group_concat(ifnull(typeof({value}), 'x')) FROM {from} u)");
    assert_eq!(evaluate(&connection, &sql, &[], &Type::String), Ok(Value::String("real,null,blob".into())));
    let sorted = format!(
        "(SELECT group_concat(typeof(x)) FROM (SELECT column1 x FROM (VALUES (1.5), (x'4e614e'), (NULL), (-9e999)) ORDER BY {}))",
        sort_key(&Type::Float64, "column1")
    );
    assert_eq!(evaluate(&connection, &sorted, &[], &Type::String), Ok(Value::String("null,blob,real,real".into())));
}

//! The report in JUnit's XML: a suite for each area, a case for each check.
//!
//! `failure` is a wrong result, `error` none at all, `skipped` says why. Readers of such files stop at the first byte that
//! is not XML, so whatever is quoted loses what XML 1.0 can't hold.

use std::fmt::Write;
use std::time::Duration;

use super::check::{Check, State, one_line};

/// What the report says of the run as a whole.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) project: String,
    pub(super) stack: String,
    /// When it began, in ISO 8601.
    pub(super) began: String,
    pub(super) elapsed: Duration,
    /// The ends of the services' logs, for areas in which something went wrong.
    pub(super) logs: String,
}

/// The whole file.
pub(super) fn render(checks: &[Check], about: &About) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    line(&mut out, 0, &format!("<testsuites name=\"stockdev smoke\" {}>", totals(checks, about.elapsed)));
    let mut rest = checks;
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|check| check.id.area == first.id.area).count();
        let (suite, after) = rest.split_at(length);
        render_suite(&mut out, suite, about);
        rest = after;
    }
    line(&mut out, 0, "</testsuites>");
    out
}

fn render_suite(out: &mut String, checks: &[Check], about: &About) {
    let Some(first) = checks.first() else { return };
    let elapsed = checks.iter().map(|check| check.elapsed).sum();
    let (name, began, totals) = (attribute(first.id.area), attribute(&about.began), totals(checks, elapsed));
    line(out, 2, &format!("<testsuite name=\"{name}\" timestamp=\"{began}\" {totals}>"));
    line(out, 4, "<properties>");
    for (name, value) in [("project", &about.project), ("stack", &about.stack)] {
        line(out, 6, &format!("<property name=\"{name}\" value=\"{}\"/>", attribute(value)));
    }
    line(out, 4, "</properties>");
    for check in checks {
        render_case(out, check);
    }
    if checks.iter().any(Check::is_bad) && !about.logs.is_empty() {
        line(out, 4, &format!("<system-out>{}</system-out>", text(&about.logs)));
    }
    line(out, 2, "</testsuite>");
}

fn render_case(out: &mut String, check: &Check) {
    let (area, name, time) = (attribute(check.id.area), attribute(check.id.name), time(check.elapsed));
    let case = format!("<testcase classname=\"stockdev.smoke.{area}\" name=\"{name}\" time=\"{time}\"");
    let message = attribute(&check.finding.message);
    match check.state {
        State::Passed => line(out, 4, &format!("{case}/>")),
        State::Skipped => {
            line(out, 4, &format!("{case}>"));
            line(out, 6, &format!("<skipped message=\"{message}\"/>"));
            line(out, 4, "</testcase>");
        }
        State::Failed | State::Error => {
            let (tag, kind) = if check.state == State::Failed { ("failure", "wrong") } else { ("error", "none") };
            line(out, 4, &format!("{case}>"));
            let body = text(&body(check));
            line(out, 6, &format!("<{tag} message=\"{message}\" type=\"{kind}\">{body}</{tag}>"));
            line(out, 4, "</testcase>");
        }
    }
}

/// For people: the message, what was tried, what came, what to do.
fn body(check: &Check) -> String {
    let finding = &check.finding;
    let mut lines = vec![finding.message.clone()];
    let rows =
        [("tried", finding.tried.clone()), ("got", finding.got.clone()), ("next", Some(finding.next.join("\n")))];
    for (label, value) in rows {
        for (place, row) in value.unwrap_or_default().lines().enumerate() {
            lines.push(format!("  {:<7} {row}", if place == 0 { label } else { "" }));
        }
    }
    lines.join("\n")
}

fn totals(checks: &[Check], elapsed: Duration) -> String {
    let of = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (failures, errors, skipped) = (of(State::Failed), of(State::Error), of(State::Skipped));
    let (tests, time) = (checks.len(), time(elapsed));
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time}\"")
}

fn time(elapsed: Duration) -> String {
    format!("{:.3}", elapsed.as_secs_f64())
}

fn line(out: &mut String, indent: usize, text: &str) {
    let written = writeln!(out, "{:indent$}{text}", "");
    debug_assert!(written.is_ok(), "writing into a String can't fail");
}

/// A value between double quotes: one line.
fn attribute(value: &str) -> String {
    text(&one_line(value)).replace('"', "&quot;")
}

/// Text between tags.
fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars().filter(|letter| is_xml(*letter)) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(letter),
        }
    }
    out
}

/// What XML 1.0 allows, without the control characters it merely puts up with.
fn is_xml(letter: char) -> bool {
    matches!(letter, '\n' | '\t') || !(letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
#[path = "../../../tests/it/support/xml.rs"]
mod xml;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::check::{CRASH, DOCUMENTS_COUNT, DOWN, Finding, Id, KAFKA_CONTENT, KAFKA_COUNT};
    use super::*;

    fn check(id: Id, state: State, message: &str) -> Check {
        let finding = Finding { message: message.into(), ..Finding::default() };
        Check { id, state, elapsed: Duration::from_millis(1_234), finding }
    }

    #[test]
    fn a_report_has_a_suite_an_area_and_a_case_a_check() {
        let mut wrong = check(KAFKA_CONTENT, State::Failed, "a < b");
        wrong.finding.tried = Some("read".into());
        wrong.finding.got = Some("this\nand that".into());
        wrong.finding.next = vec!["stockdev logs kafka".into()];
        let checks = [
            check(KAFKA_COUNT, State::Passed, "2,000 messages"),
            wrong,
            check(DOCUMENTS_COUNT, State::Error, "no \"answer\""),
            check(CRASH, State::Skipped, "not ours"),
            check(DOWN, State::Passed, "gone"),
        ];
        let about = About {
            project: "p".into(),
            stack: "embedded".into(),
            began: "2026-01-02T03:04:05Z".into(),
            elapsed: Duration::from_secs(5),
            logs: "kafka | \u{1b}[31mbad\u{1b}[0m ]]> & gone".into(),
        };
        insta::assert_snapshot!(render(&checks, &about), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="stockdev smoke" tests="5" failures="1" errors="1" skipped="1" time="5.000">
          <testsuite name="kafka" timestamp="2026-01-02T03:04:05Z" tests="2" failures="1" errors="0" skipped="0" time="2.468">
            <properties>
              <property name="project" value="p"/>
              <property name="stack" value="embedded"/>
            </properties>
            <testcase classname="stockdev.smoke.kafka" name="count" time="1.234"/>
            <testcase classname="stockdev.smoke.kafka" name="content" time="1.234">
              <failure message="a &lt; b" type="wrong">a &lt; b
          tried   read
          got     this
                  and that
          next    stockdev logs kafka</failure>
            </testcase>
            <system-out>kafka | [31mbad[0m ]]&gt; &amp; gone</system-out>
          </testsuite>
          <testsuite name="elasticsearch" timestamp="2026-01-02T03:04:05Z" tests="1" failures="0" errors="1" skipped="0" time="1.234">
            <properties>
              <property name="project" value="p"/>
              <property name="stack" value="embedded"/>
            </properties>
            <testcase classname="stockdev.smoke.elasticsearch" name="count" time="1.234">
              <error message="no &quot;answer&quot;" type="none">no "answer"</error>
            </testcase>
            <system-out>kafka | [31mbad[0m ]]&gt; &amp; gone</system-out>
          </testsuite>
          <testsuite name="crash" timestamp="2026-01-02T03:04:05Z" tests="1" failures="0" errors="0" skipped="1" time="1.234">
            <properties>
              <property name="project" value="p"/>
              <property name="stack" value="embedded"/>
            </properties>
            <testcase classname="stockdev.smoke.crash" name="recovery" time="1.234">
              <skipped message="not ours"/>
            </testcase>
          </testsuite>
          <testsuite name="down" timestamp="2026-01-02T03:04:05Z" tests="1" failures="0" errors="0" skipped="0" time="1.234">
            <properties>
              <property name="project" value="p"/>
              <property name="stack" value="embedded"/>
            </properties>
            <testcase classname="stockdev.smoke.down" name="nothing-left" time="1.234"/>
          </testsuite>
        </testsuites>
        "#);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_gives_xml_that_says_it_again(
            message in any::<String>(), got in any::<String>(), logs in any::<String>(), bad in any::<bool>(),
        ) {
            let mut one = check(KAFKA_COUNT, if bad { State::Failed } else { State::Skipped }, &message);
            one.finding.got = Some(got);
            let about = About { project: message.clone(), logs: logs.clone(), ..About::default() };
            let parsed = xml::parse(&render(&[one], &about)).unwrap();
            let suite = &parsed.children[0];
            let case = suite.child("testcase").unwrap();
            let clean: String = message.chars().filter(|c| is_xml(*c)).collect();
            let verdict = case.child(if bad { "failure" } else { "skipped" }).unwrap();
            prop_assert_eq!(one_line(verdict.attribute("message").unwrap()), one_line(&clean.split_whitespace().collect::<Vec<_>>().join(" ")));
            if bad && !logs.is_empty() {
                let clean: String = logs.chars().filter(|c| is_xml(*c)).collect();
                prop_assert_eq!(&suite.child("system-out").unwrap().text, &clean);
            }
        }
    }
}

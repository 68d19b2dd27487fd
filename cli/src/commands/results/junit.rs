//! The report as *`JUnit`'s XML*, with a test case for each image. Elements and attributes are those
//! that Jenkins, GitLab and Ant know.

use super::merge::MergedResults;
use crate::catalogue::results::ImageResult;
use crate::ui::visible::visible;

/// Returns the report.
pub(super) fn write(merged: &MergedResults) -> String {
    let is_failed = |it: &&ImageResult| !it.is_missing() && !it.errors().is_empty();
    let failures = merged.images.values().filter(is_failed).count();
    // What is missing of a catalogue has a case for each image, and other gaps one of their own.
    let gaps: Vec<_> = merged.missing.iter().filter(|it| it.images.is_empty()).collect();
    let errors = merged.images.values().filter(|it| it.is_missing()).count() + gaps.len();
    let tests = merged.images.len() + gaps.len();
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
         \x20 <testsuite name=\"diskette sync\" {counts}>\n"
    );
    text.extend(merged.errors_first().iter().map(|(name, result)| case(name, result)));
    text.extend(gaps.iter().map(|gap| {
        let message = xml_text(&gap.message);
        format!(
            "    <testcase classname=\"diskette.sync\" name=\"{message}\">\n      \
             <error message=\"{message}\" type=\"missing\"/>\n    </testcase>\n"
        )
    }));
    text + "  </testsuite>\n</testsuites>\n"
}

fn case(name: &str, result: &ImageResult) -> String {
    let errors = result.errors();
    let open = format!("    <testcase classname=\"diskette.sync\" name=\"{}\"", xml_text(name));
    let Some(first) = errors.first() else { return format!("{open}/>\n") };
    let (element, kind) = match result {
        it if it.is_missing() => ("error", "missing"),
        it if it.temporary => ("failure", "temporary"),
        _ => ("failure", "failed"),
    };
    let (message, all) = (xml_text(first), xml_text(&errors.join("\n")));
    format!(
        "{open}>\n      <{element} message=\"{message}\" type=\"{kind}\">{all}</{element}>\n    \
         </testcase>\n"
    )
}

/// Returns a text as it stands in an attribute or an element. Control characters, which XML does not
/// have even as references, become escapes.
fn xml_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in visible(text).chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            char => escaped.push(char),
        }
    }
    escaped
}

//! The report in *Markdown*, for the summary of a job.

use std::collections::BTreeSet;

use indicatif::HumanBytes;

use super::merge::MergedResults;
use crate::catalogue::results::{ImageResult, UNCHANGED};
use crate::ui::markdown::markdown_text;

/// The most images that are listed: GitHub shows no summary longer than 1 MiB.
const LISTED_MAX: usize = 2000;
/// The most characters of an error, of the changes of packages, and of a name.
const ERROR_MAX: usize = 300;
const PACKAGES_MAX: usize = 300;
/// The most packages that are named.
const LINES_MAX: usize = 3;
const NAME_MAX: usize = 300;

/// Returns the report: the images that changed, failed or are missing, and the number of all.
pub(super) fn write(merged: &MergedResults) -> String {
    let is_news = |it: &ImageResult| it.outcome != UNCHANGED || !it.errors().is_empty();
    let all = merged.errors_first();
    let news: Vec<_> = all.iter().filter(|(_, result)| is_news(result)).collect();
    let mut text = format!("## {}\n", merged.count());
    let missing = merged.missing.iter().map(|it| markdown_text(&it.text(), ERROR_MAX));
    text.extend(missing.map(|line| format!("\n- **missing**: {line}\n")));
    if news.is_empty() {
        return text;
    }
    text.push_str(
        "\n| Image | Outcome | Version | Size | Packages | Error |\n|---|---|---|---|---|---|\n",
    );
    text.extend(news.iter().take(LISTED_MAX).map(|(name, result)| row(name, result)));
    if let Some(more @ 1..) = news.len().checked_sub(LISTED_MAX) {
        text.extend(["\n", &more.to_string(), " more images are not listed.\n"]);
    }
    text
}

fn row(name: &str, result: &ImageResult) -> String {
    let size = result.size().map(|size| HumanBytes(size).to_string()).unwrap_or_default();
    let cells = [
        markdown_text(name, NAME_MAX),
        markdown_text(&result.outcome, NAME_MAX),
        markdown_text(&result.versions().join(", "), NAME_MAX),
        size,
        markdown_text(&packages(result), PACKAGES_MAX),
        markdown_text(&result.errors().join("; "), ERROR_MAX),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Returns what changed in the packages of an image, each change of several platforms once.
fn packages(result: &ImageResult) -> String {
    let platforms = result.platforms.values().filter_map(|part| part.packages.as_ref());
    let texts = platforms.map(|packages| match &packages.changes {
        Some(changes) if !changes.is_empty() => {
            let lines = changes.system_text().into_iter().chain(changes.first_lines(LINES_MAX));
            format!("{}: {}", changes.counts(), lines.collect::<Vec<_>>().join(", "))
        }
        Some(_) => "no changes".to_owned(),
        None => format!("{} packages", packages.count),
    });
    let texts: BTreeSet<String> = texts.collect();
    texts.into_iter().collect::<Vec<_>>().join("; ")
}

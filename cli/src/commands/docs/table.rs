//! *Tables* of a page, in Markdown or HTML.

use clap::ValueEnum;

use crate::ui::markdown::markdown_text;
use crate::ui::visible::visible;

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PageFormat {
    /// Markdown
    Markdown,
    /// A page of HTML
    Html,
}

/// A page of tables.
pub(super) struct StatusPage {
    pub(super) tables: Vec<Table>,
}

/// A table. All texts are plain.
pub(super) struct Table {
    pub(super) title: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Title of the page.
const TITLE: &str = "State of the catalogue";

/// The most characters of a cell.
const CELL_MAX: usize = 1000;

/// What browsers are told about the page: it needs nothing from elsewhere.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>State of the catalogue</title>\n<style>body { font: 14px sans-serif; } \
    table { border-collapse: collapse; } td, th { border: 1px solid #bbb; padding: 3px 8px; \
    text-align: left; }</style>\n</head>\n<body>\n";

impl StatusPage {
    /// Returns the page.
    pub(super) fn write(&self, format: PageFormat) -> String {
        match format {
            PageFormat::Markdown => {
                let tables: Vec<String> = self.tables.iter().map(Table::to_markdown).collect();
                format!("# {TITLE}\n\n{}", tables.join("\n"))
            }
            PageFormat::Html => {
                let tables: Vec<String> = self.tables.iter().map(Table::to_html).collect();
                format!("{HEAD}<h1>{TITLE}</h1>\n{}</body>\n</html>\n", tables.concat())
            }
        }
    }
}

impl Table {
    fn to_markdown(&self) -> String {
        let row = |cells: &Vec<String>| {
            let cells: Vec<String> =
                cells.iter().map(|cell| markdown_text(cell, CELL_MAX)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let title = self.title.iter().map(|it| format!("## {}\n\n", markdown_text(it, CELL_MAX)));
        let line = format!("|{}\n", "---|".repeat(self.columns.len()));
        let rows = self.rows.iter().map(row);
        title.chain([row(&self.columns), line]).chain(rows).collect()
    }

    fn to_html(&self) -> String {
        let row = |cells: &Vec<String>, tag: &str| {
            let cells: Vec<String> =
                cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", html_text(cell))).collect();
            format!("<tr>{}</tr>\n", cells.concat())
        };
        let title = self.title.iter().map(|it| format!("<h2>{}</h2>\n", html_text(it)));
        let rows = self.rows.iter().map(|cells| row(cells, "td"));
        let head = ["<table>\n".to_owned(), row(&self.columns, "th")];
        title.chain(head).chain(rows).chain(["</table>\n".to_owned()]).collect()
    }
}

fn html_text(text: &str) -> String {
    let text = visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let check = |format: PageFormat, expected: &str| {
            let (title, columns) = (Some("<b>".into()), vec!["A".into()]);
            let rows = vec![vec!["<a href=\"'x'\">|&amp;\u{1b}[2J".into()]];
            let page = StatusPage { tables: vec![Table { title, columns, rows }] }.write(format);
            assert!(page.contains(expected), "{page}");
        };
        check(PageFormat::Html, "<h2>&lt;b&gt;</h2>\n<table>\n<tr><th>A</th></tr>\n");
        check(
            PageFormat::Html,
            "<tr><td>&lt;a href=&quot;&#39;x&#39;&quot;&gt;|&amp;amp;\\u{1b}[2J</td></tr>\n",
        );
        check(PageFormat::Markdown, "## \\<b\\>\n\n| A |\n|---|\n");
        check(PageFormat::Markdown, "| \\<a href=\"'x'\"\\>\\|\\&amp;\\u{1b}\\[2J |\n");
    }
}

//! A **table** is text in columns: the first one to the left, figures to the right.

use std::fmt;

/// Lines of text under a title and a header.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    header: Vec<&'static str>,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Cells(Vec<String>),
    /// Text in place of figures.
    Remark {
        name: String,
        remark: String,
    },
}

impl Table {
    pub(crate) fn new(title: String, header: &[&'static str]) -> Self {
        Self { title, header: header.to_vec(), lines: Vec::new() }
    }

    pub(crate) fn cells(&mut self, cells: Vec<String>) {
        self.lines.push(Line::Cells(cells));
    }

    pub(crate) fn remark(&mut self, name: &str, remark: String) {
        self.lines.push(Line::Remark { name: name.to_owned(), remark });
    }

    /// Returns the width of each column: that of its widest cell.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|name| name.chars().count()).collect();
        for line in &self.lines {
            let cells = match line {
                Line::Cells(cells) => cells.as_slice(),
                Line::Remark { name, .. } => std::slice::from_ref(name),
            };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(formatter, "{}", self.title)?;
        writeln!(formatter, "{}", columns(&self.header, &widths))?;
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        writeln!(formatter, "{}", columns(&rules, &widths))?;
        for line in &self.lines {
            match line {
                Line::Cells(cells) => writeln!(formatter, "{}", columns(cells, &widths))?,
                Line::Remark { name, remark } => {
                    let width = widths.first().copied().unwrap_or_default();
                    writeln!(formatter, "{name:width$}  {remark}")?;
                }
            }
        }
        Ok(())
    }
}

fn columns(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let cell = cell.as_ref();
        if column == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_figures_right() {
        let mut table = Table::new("gzip".to_owned(), &["peer", "wall s", "ratio"]);
        table.cells(vec!["diskette".into(), "3.210".into(), "1.0×".into()]);
        table.cells(vec!["buildah-bud".into(), "15.9".into(), "–".into()]);
        table.remark("crane", "missing: crane is not on PATH".into());
        let expected = "\
gzip
peer         wall s  ratio
-----------  ------  -----
diskette      3.210   1.0×
buildah-bud    15.9      –
crane        missing: crane is not on PATH
";
        assert_eq!(table.to_string(), expected);
    }
}

//! A text of **sections**: `=== NAME` begins a block, `key: value` lines are its header, and
//! `--- NAME` begins a section of it. Lines that begin with `# ` in a header are comments.

/// A block, which begins with `===`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// Text after `===`.
    pub name: &'a str,
    /// Number of the line on which it begins, from 1.
    pub line: usize,
    /// Keys and values of the header in order; a key may be repeated.
    pub header: Vec<(&'a str, &'a str)>,
    /// Sections of the block in order.
    pub sections: Vec<Section<'a>>,
}

/// A section, which begins with `---`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// Text after `---`.
    pub name: &'a str,
    /// Lines with their numbers, from 1.
    pub lines: Vec<(usize, &'a str)>,
}

impl Section<'_> {
    /// Returns the lines as a text, without empty ones at the end, which separate it from the next section.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|(_, line)| *line).collect();
        format!("{}\n", lines.join("\n").trim_end_matches('\n'))
    }
}

impl<'a> Block<'a> {
    /// Reads all blocks of a text; an error begins with the number of its line.
    pub fn parse_all(text: &'a str) -> Result<Vec<Self>, String> {
        let mut blocks = Vec::<Self>::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if let Some(name) = line.strip_prefix("=== ") {
                let (header, sections) = (Vec::new(), Vec::new());
                if blocks.iter().any(|block| block.name == name) {
                    return Err(format!("{number}: a second block with the name {name:?}"));
                }
                blocks.push(Self { name, line: number, header, sections });
                continue;
            }
            match blocks.last_mut() {
                Some(block) => block.take(number, line)?,
                None if line.is_empty() || line.starts_with('#') => {}
                None => return Err(format!("{number}: {line:?} before the first `=== NAME`")),
            }
        }
        Ok(blocks)
    }

    fn take(&mut self, number: usize, line: &'a str) -> Result<(), String> {
        if let Some(name) = line.strip_prefix("--- ") {
            self.sections.push(Section { name, lines: Vec::new() });
            return Ok(());
        }
        if let Some(section) = self.sections.last_mut() {
            section.lines.push((number, line));
            return Ok(());
        }
        if line.is_empty() || line.starts_with("# ") {
            return Ok(());
        }
        let wrong = format!("{number}: {line:?} is no `key: value`, and no section has begun");
        self.header.push(line.split_once(": ").ok_or(wrong)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_headers_and_sections() {
        let text = "# about\n\n=== one\n# why\nk: v: w\n--- a\n# x\n\n=== two\n--- b\n";
        let blocks = Block::parse_all(text).unwrap();
        let [one, two] = &blocks[..] else { panic!("{blocks:?}") };
        assert_eq!((one.name, one.line, &one.header[..]), ("one", 3, &[("k", "v: w")][..]));
        assert_eq!(one.sections[0].lines, [(7, "# x"), (8, "")]);
        assert_eq!(one.sections[0].text(), "# x\n");
        assert_eq!((two.sections[0].name, &two.sections[0].lines[..]), ("b", &[][..]));
    }

    #[test]
    fn bad_texts_are_explained() {
        for (text, expected) in [
            ("x", "1: \"x\" before the first `=== NAME`"),
            ("=== a\nx", "2: \"x\" is no `key: value`, and no section has begun"),
            ("=== a\n=== a", "2: a second block with the name \"a\""),
        ] {
            assert_eq!(Block::parse_all(text).unwrap_err(), expected);
        }
    }
}

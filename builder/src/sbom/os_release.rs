//! The file *os-release*, which names the operating system (os-release(5) of systemd).

use super::inventory::OperatingSystem;

/// Where the file is; the second is where the vendor puts it.
pub(super) const PATHS: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Length in bytes of the longest file and of the longest value that are read.
pub(super) const LEN_MAX: u64 = 64 << 10;
const VALUE_MAX: usize = 256;

/// Parses the file; `None` if it names no system.
pub(super) fn parse(text: &str) -> Option<OperatingSystem> {
    let value = |key: &str| {
        let lines = text.lines().map(str::trim);
        // As in a shell, the last one counts.
        let found =
            lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).next_back()?;
        let value = unquote(found);
        (!value.is_empty() && value.len() <= VALUE_MAX).then_some(value)
    };
    let name = value("PRETTY_NAME").or_else(|| value("NAME")).or_else(|| value("ID"))?;
    let id = value("ID").unwrap_or_else(|| "linux".into()).to_lowercase();
    Some(OperatingSystem { id, version: value("VERSION_ID"), name, cpe: value("CPE_NAME") })
}

/// Returns the value of an assignment of a shell.
fn unquote(text: &str) -> String {
    let text = text.trim_end();
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(inner) = quoted('\'') {
        return inner.to_owned();
    }
    let mut characters = quoted('"').unwrap_or(text).chars();
    let mut value = String::new();
    while let Some(character) = characters.next() {
        let literal = if character == '\\' { characters.next() } else { Some(character) };
        value.extend(literal.filter(|literal| !literal.is_control()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_named() {
        let check = |text: &str, expected: Option<(&str, Option<&str>, &str)>| {
            let found = parse(text);
            let found = found.as_ref().map(|it| (&*it.id, it.version.as_deref(), &*it.name));
            assert_eq!(found, expected, "{text:?}");
        };
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
                      VERSION_ID=\"12\"\nID=debian\n";
        check(debian, Some(("debian", Some("12"), "Debian GNU/Linux 12 (bookworm)")));
        check("NAME='Arch Linux'\nID=arch", Some(("arch", None, "Arch Linux")));
        check("ID=Alpine\r\nVERSION_ID=3.19.1\n", Some(("alpine", Some("3.19.1"), "Alpine")));
        check("NAME=a\nNAME=\"b \\\"c\\\" \\$d\"\n", Some(("linux", None, "b \"c\" $d")));
        check("#ID=x\n", None);
        check("ID=\n", None);
        check(&format!("ID=a\nNAME={}", "x".repeat(300)), Some(("a", None, "a")));
    }
}

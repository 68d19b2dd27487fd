//! The *name* of the disk in an image: CDI takes its path for a URL, and few characters survive that.

/// Name of a disk that is left without one.
const DEFAULT_STEM: &str = "disk";

/// Returns what keeps CDI from importing a disk of this name; nothing if it can.
///
/// The importer parses the path of the file that it wrote as a URL and prints it again
/// (`RegistryDataSource.Transfer` in CDI's `pkg/importer/registry-datasource.go`); on a node, a server
/// serves the file under its name (`tools/cdi-containerimage-server/main.go`).
pub(crate) fn name_problem(name: &str) -> Option<String> {
    if let Some(odd) = name.chars().find(|character| !is_plain(*character)) {
        let odd = if odd == ' ' { "a space".into() } else { format!("`{}`", odd.escape_debug()) };
        return Some(format!("its name has {odd}"));
    }
    match name {
        "info" => Some("CDI's server on the node has another answer at `/info`".into()),
        "index.html" => Some("CDI's server on the node redirects `index.html`".into()),
        _ => None,
    }
}

/// Returns the nearest name that CDI can import: other characters become dashes.
pub(crate) fn importable_name(name: &str) -> String {
    if name_problem(name).is_none() {
        return name.to_owned();
    }
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, ""));
    let (stem, suffix) = (plain_part(stem), plain_part(suffix));
    let stem = if stem.is_empty() { DEFAULT_STEM } else { &stem };
    let plain = if suffix.is_empty() { stem.to_owned() } else { format!("{stem}.{suffix}") };
    match name_problem(&plain) {
        None => plain,
        Some(_) => format!("{DEFAULT_STEM}-{plain}"),
    }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._+-".contains(character)
}

/// Returns a text with a dash in place of each run of other characters, and none at either end.
fn plain_part(text: &str) -> String {
    let parts = text.split(|character| !is_plain(character)).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_importable_or_become_so() {
        let check = |name: &str, expected: &str| {
            assert_eq!(importable_name(name), expected, "{name:?}");
            assert_eq!(name_problem(name).is_none(), name == expected, "{name:?}");
            assert_eq!(name_problem(expected), None, "{name:?}");
        };
        check("Fedora-Cloud_42.1+b.x86_64.qcow2", "Fedora-Cloud_42.1+b.x86_64.qcow2");
        check(".hidden", ".hidden");
        check("-a-.img-", "-a-.img-");
        check("my disk.qcow2", "my-disk.qcow2");
        check("Größe (1) .img", "Gr-e-1.img");
        check("\"disk\".img", "disk.img");
        check("100%.img", "100.img");
        check("a%20b.img", "a-20b.img");
        check("a#b?c.img", "a-b-c.img");
        check("a\tb\u{7f}.img", "a-b.img");
        check("{a}<b>\\c", "a-b-c");
        check("ä.ü", "disk");
        check("ディスク.img", "disk.img");
        check("a.b c.d e", "a.b-c.d-e");
        check("info", "disk-info");
        check("index.html", "disk-index.html");
        check("info ", "disk-info");
        check("information", "information");
    }
}

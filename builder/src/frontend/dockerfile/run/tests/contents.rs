//! Tests of commands that write, copy, move and download files.

use super::*;
use crate::oci::image::platform::Platform;
use crate::oci::tar::{ExtendedAttributes, NamePrefix, TarEntry, TarEntryKind};
use crate::recipe::diagnostic::Span;

/// Inputs of an image for AMD64, with one archive and one text.
#[derive(Debug)]
pub(super) struct TestInputs(pub(super) Platform);

impl RunInputs for TestInputs {
    fn read_small(&self, source: &SourceRecipe) -> Option<Vec<u8>> {
        (source.location == SourceLocation::path("content")).then(|| b"abc".to_vec())
    }

    fn list_archive(&self, source: &SourceRecipe) -> Result<Option<Vec<TarEntry>>, String> {
        if source.location == SourceLocation::path("content") {
            return Ok(None);
        }
        let entry = |path: &str, kind: TarEntryKind, mode| {
            let (path, lead) = (path.to_owned(), NamePrefix::Plain);
            let (uid, gid, offset, size, xattrs) = (7, 8, 512, 3, ExtendedAttributes::default());
            TarEntry { path, kind, mode, uid, gid, offset, size, lead, xattrs }
        };
        Ok(Some(vec![
            entry("top", TarEntryKind::Directory, 0o750),
            entry("top/bin/tool", TarEntryKind::File, 0o4755),
            entry("top/same", TarEntryKind::Hardlink("top/bin/tool".into()), 0o4755),
            entry("top/link", TarEntryKind::Symlink("bin/tool".into()), 0o777),
        ]))
    }

    fn platform(&self) -> Option<&Platform> {
        Some(&self.0)
    }

    fn origin(&self) -> Option<&Span> {
        None
    }
}

/// Returns the contents of new files after a script: texts in quotes, sources with their checks.
pub(super) fn contents(script: &str) -> String {
    let platform: Platform = "linux/amd64".parse().unwrap();
    let (accounts, variables) = (Accounts::default(), BTreeMap::new());
    let identity = accounts.find_identity("").unwrap();
    let context = RunContext {
        variables: &variables,
        directory: "/",
        identity: &identity,
        accounts: &accounts,
        shell: &[],
        inputs: &TestInputs(platform),
    };
    let mut tree = image();
    if let Err(error) = evaluate_run_line(&mut tree, RunLine::Shell(script), &context) {
        return error.message;
    }
    let changes = tree.take_changes();
    let texts = changes.iter().filter_map(|entry| {
        let LayerEntryKind::File(source) = &entry.kind else { return None };
        let shown = match &source.location {
            SourceLocation::Inline(text) => format!("{:?}", String::from_utf8_lossy(text)),
            SourceLocation::Url(url) => url.clone(),
            SourceLocation::Member(member) => format!("{} at {}", member.archive, member.offset),
            SourceLocation::Image(image) => image.location.to_string(),
            SourceLocation::File(_) => "content".to_owned(),
        };
        let compression = source
            .compression
            .map_or_else(String::new, |format| format!("{format:?}").to_lowercase());
        let checksum = if source.checksum.is_some() { " checked" } else { "" };
        let decompressed = source.download.as_ref().is_some_and(|it| it.decompressed.is_some());
        let decompressed = if decompressed { " then checked" } else { "" };
        let conversion =
            source.convert.map_or_else(String::new, |conversion| format!(" as {conversion}"));
        let size =
            source.disk_size().map_or_else(String::new, |size| format!(" with {size} bytes"));
        let changes = format!("{compression}{checksum}{decompressed}{conversion}{size}");
        Some(format!("{}={shown}{changes}", entry.path))
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[track_caller]
pub(super) fn check_contents(script: &str, expected: &str) {
    assert_eq!(contents(script), expected, "{script}");
}

#[test]
fn texts_are_written() {
    check_contents("echo a b > x", "x=\"a b\\n\"");
    check_contents("echo a > x; echo b >> x && echo -n c >>x", "x=\"a\\nb\\nc\"");
    check_contents("echo a > x; echo b > x", "x=\"b\\n\"");
    check_contents("printf '%s=%s\\n' a 1 b 2 > x", "x=\"a=1\\nb=2\\n\"");
    check_contents("printf 'a%%\\n' > x", "x=\"a%\\n\"");
    check_contents("> x", "x=\"\"");
    check_contents("echo a > /dev/null 2>&1; true 2>/dev/null", "");
    check_contents("echo a | cat > x", "x=\"a\\n\"");
    check_contents("echo a > x && cat x x > y", "x=\"a\\n\", y=\"a\\na\\n\"");
    check_contents("cat file > x", "x=content");
    check_contents("cd data && echo a > x && cd .. && echo b > y", "data/x=\"a\\n\", y=\"b\\n\"");
    check_contents("cd data/sub; cd ../..; echo $PWD > x", "x=\"/\\n\"");
    check_contents("echo a | tee x y > z", "x=\"a\\n\", y=\"a\\n\", z=\"a\\n\"");
    check_contents("echo a > x; echo b | tee -a x", "x=\"a\\nb\\n\"");
    check_contents("cat file file > x", "x=\"abcabc\"");
    check_contents("echo x >> file", "file=\"abcx\\n\"");
    check_contents("cat < file > x; cat data/a - < file > y", "x=content, y=\"abcabc\"");
    check_contents("{ echo a; echo b; } > x", "x=\"a\\nb\\n\"");
    check_contents("(cd data; echo a > x); echo $PWD > y", "data/x=\"a\\n\", y=\"/\\n\"");
    check_contents("for i in 1 2; do echo $i; done | cat > x", "x=\"1\\n2\\n\"");
    check_contents("printf '\\101%d\\r' 5 > x", "x=\"A5\\r\"");
    check_contents(
        "pwd > x; dirname /a/b > y; basename /a/b.c .c > z",
        "x=\"/\\n\", y=\"/a\\n\", z=\"b\\n\"",
    );
    check_contents(
        "uname -m > x; arch >> x; dpkg --print-architecture >> x",
        "x=\"x86_64\\nx86_64\\namd64\\n\"",
    );
    check_contents("echo a > none/x", "cannot create none/x: No such file or directory");
    check_contents("echo a > data", "cannot create data: Is a directory");
    check_contents("cd none", "`cd` fails: none: No such file or directory");
    check_contents("cat none > x", "`cat` fails: none: No such file or directory");
    let refused = |script: &str| assert!(contents(script).contains("not executed"), "{script}");
    refused("echo -e 'a\\n' > x");
    refused("printf %x 1 > x");
    refused("printf %d a > x");
}

#[test]
fn files_are_copied_and_moved() {
    check("cp file new", "new 644");
    check("cp data/b.txt data/c.txt empty", "empty/b.txt 640, empty/c.txt 600");
    check("cp suid new", "new 755");
    check("cp -p suid new", "new 6755");
    check("cp file data", "data/file 644");
    check("cp file data/c.txt", "data/c.txt 600");
    check("cp -r data/sub new", "new/ 750, new/back->../a, new/x 600");
    check("cp -a home/me/own new", "new 644 1000:1000");
    check("cp link/a new", "new 644");
    check("cp data new", "`cp` fails: -r not specified; omitting directory 'data' [cp data new]");
    check("cp none new", "`cp` fails: cannot stat 'none': No such file or directory [cp none new]");
    check("cp file file", "`cp` fails: 'file' and 'file' are the same file [cp file file]");
    check("cp file", "`cp` fails: missing destination file operand after 'file' [cp file]");
    check("mv file new", "-file, new 644");
    check("mv file data", "-file, data/file 644");
    check("mv data/sub new", "-data/sub, new/ 750, new/back->../a, new/x 600");
    check(
        "mv data/b.txt data/c.txt empty/",
        "-data/b.txt, -data/c.txt, empty/b.txt 640, empty/c.txt 600",
    );
    check("mv link new", "-link, new->data");
    check("mv none new", "`mv` fails: cannot stat 'none': No such file or directory [mv none new]");
    check(
        "mv data data/sub",
        "`mv` fails: cannot move 'data' to a subdirectory of itself, 'data/sub/data' [mv data data/sub]",
    );
}

#[test]
fn files_are_downloaded_and_checked() {
    let sum = "9".repeat(64);
    let url = "https://example.com/a.img.xz";
    check_contents(&format!("curl -fsSL -o x {url}"), &format!("x={url}"));
    check_contents(
        &format!("curl -LO {url} && wget -q {url} -O y"),
        &format!("a.img.xz={url}, y={url}"),
    );
    check_contents(
        &format!("wget {url} && echo '{sum}  a.img.xz' | sha256sum -c - && xz -d a.img.xz"),
        &format!("a.img={url}xz checked"),
    );
    check_contents(&format!("curl -L {url} | xz -d > x"), &format!("x={url}xz"));
    check_contents(
        &format!("curl -Lo x.gz {url}; gunzip -c x.gz > y"),
        &format!("x.gz={url}, y={url}gzip"),
    );
    check_contents(
        "echo a > x; echo '1  x' | sha256sum -c",
        "`sha256sum` fails: no properly formatted checksum lines found",
    );
    check_contents(
        &format!("echo a > x; echo '{sum}  x' | sha256sum -c"),
        "`sha256sum` fails: x: FAILED",
    );
    let right = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7";
    check_contents(
        &format!("echo a > x; echo '{right}  x' > s; sha256sum -c s"),
        &format!("s=\"{right}  x\\n\", x=\"a\\n\""),
    );
    check_contents("apk add --no-cache curl xz && apt-get update && apt-get install -y wget", "");
}

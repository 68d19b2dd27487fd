use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;

#[test]
fn the_rows_of_buildkit_agree() {
    let given = std::env::var_os("DISKETTE_CONFORMANCE").map(Into::into);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let file = given.unwrap_or_else(beside).join("dockerfile/shell/envVarTest");
    let Ok(rows) = fs::read_to_string(&file) else { return };
    let variables =
        BTreeMap::from([("PWD", "/home"), ("SHELL", "bash"), ("KOREAN", "한국어"), ("NULL", "")]);
    let lookup = |name: &str| variables.get(name).map(ToString::to_string);
    let mut checked = 0;
    for row in rows.lines().map(str::trim).filter(|row| !row.starts_with('#')) {
        let [platform, input, expected] = row.split('|').map(str::trim).collect::<Vec<_>>()[..]
        else {
            continue;
        };
        if platform == "W" {
            continue;
        }
        let found = Expander::new('\\', &lookup).word(input);
        assert_eq!(found.as_deref().unwrap_or("error"), expected, "{input}: {found:?}");
        checked += 1;
    }
    assert!(checked > 100, "{checked} rows");
}

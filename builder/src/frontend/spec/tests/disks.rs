//! Names and paths of disks.

use super::{load_recipes, source};
use crate::recipe::LayerRecipe;

#[test]
fn disks_get_names_that_cdi_imports() {
    let check = |disk: &str, name: &str, warning: &str| {
        let text = format!("apiVersion: diskette/v1\nplatforms: {{amd64: {{disk: {disk}}}}}");
        let recipes = load_recipes(&source(&text)).unwrap();
        let layer = recipes[0].platforms[0].layers().next().unwrap();
        assert_eq!(layer.entries()[1].path, format!("disk/{name}"), "{disk}");
        let warnings = &recipes[0].warnings;
        assert!(warnings.iter().all(|warning| warning.rule == Some("disk-name")), "{disk}");
        let shown: Vec<&str> = warnings.iter().map(|warning| &*warning.message).collect();
        assert_eq!(shown.join("\n"), warning, "{disk}");
    };
    check("a/my_disk+1.qcow2", "my_disk+1.qcow2", "");
    let renamed = "`my disk.qcow2` is named `my-disk.qcow2` in the image: its name has a space";
    check("my disk.qcow2", "my-disk.qcow2", renamed);
    check("my dir/my disk.qcow2.xz", "my-disk.qcow2", renamed);
    check(
        "{path: my disk.vmdk, convert: raw}",
        "my-disk.img",
        "`my disk.img` is named `my-disk.img` in the image: its name has a space",
    );
    check(
        "info",
        "disk-info",
        "`info` is named `disk-info` in the image: CDI's server on the node has another answer at `/info`",
    );
    check("{path: my disk.qcow2, name: a.qcow2}", "a.qcow2", "");
    check("{image: q.io/me/vm:1}", "disk.img", "");
    check("{image: q.io/me/vm:1, convert: qcow2}", "disk.qcow2", "");
    check("{image: 'oci:dir:1', disk: root, name: a.qcow2}", "a.qcow2", "");
    check(
        "{path: a.qcow2, name: my disk.qcow2}",
        "my disk.qcow2",
        "CDI cannot import the disk `my disk.qcow2`: its name has a space",
    );
}

#[test]
fn disks_may_be_outside_the_directory() {
    let check = |disk: &str, expected: &str| {
        let text = format!("apiVersion: diskette/v1\nplatforms: {{amd64: {{{disk}}}}}");
        let shown = match load_recipes(&source(&text)) {
            Ok(recipes) => {
                assert!(recipes[0].warnings.is_empty(), "{disk}");
                let layers = recipes[0].platforms[0].layers();
                let paths = |layer: &LayerRecipe| {
                    let paths: Vec<&str> = layer.entries().iter().map(|it| &*it.path).collect();
                    paths.join(" ")
                };
                layers.map(paths).collect::<Vec<_>>().join("; ")
            }
            Err(problems) => problems.iter().map(|it| &*it.message).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(shown, expected, "{disk}");
    };
    check("disk: a b.raw, path: /images/vm/a b.raw", "images images/vm images/vm/a b.raw");
    check("disk: {path: .raw.xz}, path: /vm", "vm");
    check("disk: a, path: /vm, files: [{path: /b/c, source: d}]", "vm; b b/c");
    let files = "disk: a, path: /x/vm, files: [{path: /x/vm, source: d}]";
    check(files, "two files at `/x/vm`");
    let files = "disk: a, path: /x/vm, files: [{path: /x, source: d}]";
    check(files, "`/x` must be a directory, since `/x/vm` is in it");
    check("disk: a, path: vm", "`vm` is not an absolute path");
    check("disk: a, path: /a/../b", "`/a/../b` is not a plain path of a file");
    check("disk: a, path: /disk/vm", "`path` is for a disk outside `/disk`");
    check("disk: a, path: /proc/vm", "no file can have the path `/proc/vm`");
    check("disk: {path: a, name: b}, path: /c", "both `path` and `name` say where the disk is");
}

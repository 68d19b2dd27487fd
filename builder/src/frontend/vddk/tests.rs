use crate::frontend::vddk::kit::VddkKit;
use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::frontend::dockerfile::base::LoadedBase;
use crate::frontend::dockerfile::tree::{FileNode, Tree, TreeNode, TreeNodeKind};
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::tar::{ExtendedAttributes, NamePrefix, TarEntry, TarEntryKind, TarReadError};
use crate::recipe::BaseImage;

/// Members of an archive: `d 755 PATH`, `f 444 PATH`, `l TARGET PATH`, `h TARGET PATH`, and `c`, `b`
/// and `p` with a mode. Paths that do not begin with a slash are below the tree.
fn members(lines: &str) -> Vec<Result<(TarEntry, Vec<u8>), TarReadError>> {
    let mut offset = 0;
    let member = |line: &str| {
        let [kind, second, path] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let place = |path: &str| match path.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None if path == "." => KIT_DIRECTORY.to_owned(),
            None => format!("{KIT_DIRECTORY}/{path}"),
        };
        let kind = match kind {
            "d" => TarEntryKind::Directory,
            "f" => TarEntryKind::File,
            "l" => TarEntryKind::Symlink(second.into()),
            "h" => TarEntryKind::Hardlink(place(second)),
            "c" => TarEntryKind::Character { major: 1, minor: 3 },
            "b" => TarEntryKind::Block { major: 8, minor: 0 },
            "p" => TarEntryKind::Fifo,
            other => panic!("{other}"),
        };
        offset += 1024;
        let mode = u32::from_str_radix(second, 8).unwrap_or(0o777);
        let entry = TarEntry {
            path: place(path),
            kind,
            mode,
            uid: 201,
            gid: 201,
            offset,
            size: 7,
            lead: NamePrefix::Plain,
            xattrs: ExtendedAttributes::default(),
        };
        Ok((entry, library_start(62)))
    };
    lines.lines().map(member).collect()
}

/// Returns the first bytes of a library for a machine, by its number in ELF.
fn library_start(machine: u8) -> Vec<u8> {
    [&b"\x7fELF\x02\x01\x01"[..], &[0; 9], &[3, 0, machine, 0]].concat()
}

/// What VMware's archive has, as far as it matters here.
const VMWARE: &str = "\
d 500 .
d 500 lib64
f 400 lib64/libvixDiskLib.so.8.0.3
l libvixDiskLib.so.8.0.3 lib64/libvixDiskLib.so.8
l libvixDiskLib.so.8 lib64/libvixDiskLib.so
f 500 bin64/vmware-vdiskmanager
f 6640 FILES";

fn source(path: &str) -> SourceRecipe {
    let location = SourceLocation::path(path);
    SourceRecipe::new(location, SourceRole::File)
}

/// Returns the entries of a kit, a line each.
fn entries(lines: &str) -> Result<String, String> {
    let kit = VddkKit::from_members(members(lines)).map_err(|error| error.to_string())?;
    let mut text = String::new();
    for entry in kit.layer_entries(&Arc::new(TarOrigin::File(Box::new(source("a.tar"))))) {
        let what = match &entry.kind {
            LayerEntryKind::Directory => "/".to_owned(),
            LayerEntryKind::Symlink(target) => format!("-> {target}"),
            LayerEntryKind::File(SourceRecipe {
                location: SourceLocation::Member(member), ..
            }) => {
                format!("{}+{}", member.offset, member.size)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(entry.owner, Owner { uid: 0, gid: 0 });
        let path = entry.path.strip_prefix(KIT_DIRECTORY).unwrap();
        writeln!(text, "{path} {:o} {what}", entry.mode).unwrap();
    }
    Ok(text)
}

#[test]
fn any_user_can_read_all_of_it() {
    let check = |lines: &str, expected: &str| {
        assert_eq!(entries(lines).as_deref(), Ok(expected), "{lines}");
    };
    check(
        VMWARE,
        " 755 /
/bin64 755 /
/lib64 755 /
/lib64/libvixDiskLib.so 777 -> libvixDiskLib.so.8
/lib64/libvixDiskLib.so.8 777 -> libvixDiskLib.so.8.0.3
/lib64/libvixDiskLib.so.8.0.3 644 3072+7
/bin64/vmware-vdiskmanager 755 6144+7
/FILES 644 7168+7
",
    );
    // What lies elsewhere is not of the kit, and what comes last counts.
    check(
        "f 600 /README\nf 600 /vmware-vix-disklib-distrib2/x\nf 600 lib64/libvixDiskLib.so\n\
         d 700 lib64\nf 710 lib64/libvixDiskLib.so",
        " 755 /\n/lib64 755 /\n/lib64/libvixDiskLib.so 755 5120+7\n",
    );
    // Other names of a file are files; links may dangle, and lead about in the tree.
    check(
        "f 400 lib64/a\nh lib64/a lib64/b\nl b lib64/c\nh lib64/c lib64/libvixDiskLib.so\n\
         l nowhere lib64/dangling\nl ../lib64/./a bin64/up\nl ../bin64/../../lib64/x /x",
        " 755 /\n/bin64 755 /\n/lib64 755 /\n/bin64/up 777 -> ../lib64/./a\n/lib64/c 777 -> b\n\
         /lib64/dangling 777 -> nowhere\n/lib64/libvixDiskLib.so 777 -> b\n/lib64/a 644 1024+7\n\
         /lib64/b 644 1024+7\n",
    );
    // The library may be found by way of a linked directory.
    check(
        "l lib lib64\nf 400 lib/libvixDiskLib.so",
        " 755 /\n/lib 755 /\n/lib64 777 -> lib\n/lib/libvixDiskLib.so 644 2048+7\n",
    );
}

fn refused(lines: &str, expected: &str) {
    assert_eq!(entries(lines), Err(expected.to_owned()), "{lines}");
}

/// VMware's archive without a line of it.
fn without(line: &str) -> String {
    assert!(VMWARE.contains(line));
    VMWARE.replace(line, "").replace("\n\n", "\n")
}

/// VMware's archive and more.
fn with(lines: &str) -> String {
    format!("{VMWARE}\n{lines}")
}

#[test]
fn without_a_library_it_is_refused() {
    const NO_TREE: &str = "there is no directory `vmware-vix-disklib-distrib` in it";
    const NO_LIBRARY: &str = "there is no `lib64/libvixDiskLib.so` in `vmware-vix-disklib-distrib`";
    refused("", NO_TREE);
    refused("f 444 /lib64/libvixDiskLib.so", NO_TREE);
    refused("f 444 .", NO_TREE);
    refused("l elsewhere .", NO_TREE);
    refused("d 755 .", NO_LIBRARY);
    refused(&without("l libvixDiskLib.so.8 lib64/libvixDiskLib.so\n"), NO_LIBRARY);
    refused(
        &without("l libvixDiskLib.so.8.0.3 lib64/libvixDiskLib.so.8\n"),
        "the link `lib64/libvixDiskLib.so` leads to `libvixDiskLib.so.8`, which is not there",
    );
    refused(
        &without("f 400 lib64/libvixDiskLib.so.8.0.3\n"),
        "the link `lib64/libvixDiskLib.so.8` leads to `libvixDiskLib.so.8.0.3`, which is not there",
    );
    refused(
        &with("l libvixDiskLib.so lib64/libvixDiskLib.so.8.0.3"),
        "the link `lib64/libvixDiskLib.so` leads to `libvixDiskLib.so.8`, and on without end",
    );
    refused(
        "l FILES/x lib64/libvixDiskLib.so\nf 444 lib64/FILES",
        "the link `lib64/libvixDiskLib.so` leads to `FILES/x`, which is not there",
    );
    refused(
        "d 755 lib64/libvixDiskLib.so",
        "`lib64/libvixDiskLib.so`, which should be the library, is not a file",
    );
    refused(
        "l ../doc lib64/libvixDiskLib.so\nd 755 doc",
        "`doc`, which should be the library, is not a file",
    );
}

/// VMware's archive, in which a file has another content.
fn changed(path: &str, content: &[u8]) -> Result<VddkKit, String> {
    let mut members =
        members(&VMWARE.replace(&format!("l libvixDiskLib.so.8 {path}"), &format!("f 400 {path}")));
    for member in members.iter_mut().flatten().filter(|(entry, _)| entry.path.ends_with(path)) {
        member.1 = content.to_vec();
        member.0.size = content.len() as u64;
    }
    VddkKit::from_members(members).map_err(|error| error.to_string())
}

#[test]
fn the_library_is_one() {
    let check = |path: &str, content: &[u8], expected: &str| {
        assert_eq!(changed(path, content).unwrap_err(), expected, "{path}");
    };
    let whole = "lib64/libvixDiskLib.so.8.0.3";
    let what = |what: &str| format!("`{whole}`, which should be a library for amd64, {what}");
    check(whole, b"", &what("is empty"));
    check(whole, &library_start(183), &what("is for arm64"));
    check(whole, b"<html>", &what("is no ELF file"));
    check(
        "lib64/libvixDiskLib.so",
        b"libvixDiskLib.so.8",
        "`lib64/libvixDiskLib.so`, which should be a link to `libvixDiskLib.so.8`, is a small file \
         with its target",
    );
    check(
        "lib64/libvixDiskLib.so",
        b"XSym\n0018\n",
        "`lib64/libvixDiskLib.so`, which should be a link, is a small file with its target",
    );
    assert_eq!(changed("FILES", b"").map(drop), Ok(()));
}

#[test]
fn metadata_of_macos_are_left_out() {
    let text = with("f 644 lib64/._libvixDiskLib.so\nf 644 ._lib64\nf 644 .DS_Store");
    let kit = VddkKit::from_members(members(&text)).unwrap();
    assert_eq!(kit.left_out, ["lib64/._libvixDiskLib.so", "._lib64", ".DS_Store"]);
    assert_eq!(entries(&text), entries(VMWARE));
}

#[test]
fn what_cannot_be_copied_is_refused() {
    for target in ["/usr/lib64/x", "../../x", "../lib64/../.."] {
        refused(
            &with(&format!("l {target} lib64/other")),
            &format!("the link `lib64/other` leads to `{target}`, outside the tree"),
        );
    }
    refused(
        &with("l up/../x lib64/other\nl ../.. lib64/up"),
        "the link `lib64/up` leads to `../..`, outside the tree",
    );
    for (lines, path) in [("f 444 FILES/x", "FILES/x"), ("l lib64 link\nf 444 link/x", "link/x")] {
        refused(
            &with(lines),
            &format!("`{path}` is in it, and what it stands in is not a directory"),
        );
    }
    for (line, what) in [
        ("c 644 x", "a device"),
        ("b 644 x", "a device"),
        ("p 644 x", "a named pipe"),
        ("h /etc/passwd x", "another name of what is not a file in the tree"),
        ("h lib64 x", "another name of what is not a file in the tree"),
        ("h nowhere x", "another name of what is not a file in the tree"),
    ] {
        refused(&with(line), &format!("`vmware-vix-disklib-distrib/x` in it is {what}"));
    }
}

#[test]
fn public_registries_are_known() {
    let check = |name: &str, expected: bool| {
        assert_eq!(may_be_public(&name.parse().unwrap()), expected, "{name}");
    };
    check("vddk", true);
    check("docker.io/me/vddk:8", true);
    check("quay.io/me/vddk:8", true);
    check("ghcr.io/me/vddk", true);
    check("public.ecr.aws/me/vddk", true);
    check("quay.example.com/me/vddk", false);
    check("localhost:5000/quay.io/vddk", false);
    check("123456789012.dkr.ecr.eu-west-1.amazonaws.com/vddk", false);
    check(
        "default-route-openshift-image-registry.apps.example.com/openshift-mtv/vddk:8.0.1",
        false,
    );
}

/// Returns the recipe of an image with VMware's archive.
fn recipe_on(ground: VddkBase) -> Recipe {
    let download = VddkArchive {
        source: source("in/VMware-vix-disklib-8.0.1-21562716.x86_64.tar.gz"),
        kit: VddkKit::from_members(members(VMWARE)).unwrap(),
    };
    build_recipe(VddkRequest {
        names: vec!["a.b/c:8".parse().unwrap()],
        archive: download,
        base: ground,
    })
}

/// Returns what comes first in each layer.
fn layers(recipe: &Recipe) -> Vec<&str> {
    recipe.platforms[0].layers().map(|layer| layer.entries()[0].path.as_str()).collect()
}

#[test]
fn what_is_too_large_is_refused() {
    let deep = |number: usize| format!("f 444 {number}{}/x", "/d".repeat(500));
    let lines: Vec<String> = (0..50).map(deep).collect();
    refused(&with(&lines.join("\n")), "there are more than 20000 files and directories in it");
}

#[test]
fn the_kit_lies_on_nothing_but_the_copier() {
    let recipe = recipe_on(VddkBase::Scratch(Arc::from(*b"copier")));
    assert_eq!(layers(&recipe), ["copier", KIT_DIRECTORY]);
    let [platform] = &recipe.platforms[..] else { panic!("one platform") };
    assert_eq!((platform.platform.to_string().as_str(), &platform.base), ("linux/amd64", &None));
    let config = platform.config.image().unwrap();
    assert_eq!(
        config.get("Entrypoint"),
        Some(&json!(["/copier", format!("/{KIT_DIRECTORY}"), "/opt"]))
    );
    assert_eq!(config.get("User"), Some(&json!("1001")));
    assert_eq!(config.labels(), BTreeMap::from([(VERSION, "8.0.1-21562716")]));
    assert_eq!(recipe.annotations, BTreeMap::from([(VERSION.into(), "8.0.1-21562716".into())]));
}

#[test]
fn the_kit_lies_on_a_base() {
    let manifest: Digest = format!("sha256:{:064}", 7).parse().unwrap();
    let place = ImageLocation::layout("base", Some("1"));
    let base = BaseImage { location: place.clone(), manifest, layers: Vec::new() };
    let config = br#"{"config":{"Cmd":["/bin/bash"],"Entrypoint":["x"],"Env":["A=b"],"User":"0"}}"#;
    let config = ImageConfig::parse(config).unwrap();
    let mut tree = Tree::new();
    let owner = Owner { uid: 0, gid: 0 };
    tree.make_parents("bin/cp", 0o755, owner).unwrap();
    let kind = TreeNodeKind::File(FileNode { source: source("cp"), size: None, inode: None });
    tree.put("bin/cp", TreeNode::new(kind, 0o755, owner)).unwrap();
    let image = LoadedBase { recipe: base.clone(), config, tree, name: None, root: manifest };
    let image = VddkBaseImage::new(image, &place).unwrap();
    let recipe = recipe_on(VddkBase::Image(Box::new(image)));
    assert_eq!(layers(&recipe), [KIT_DIRECTORY]);
    let [platform] = &recipe.platforms[..] else { panic!("one platform") };
    assert_eq!(platform.base, Some(base));
    let config = platform.config.image().unwrap();
    assert_eq!(
        config.get("Entrypoint"),
        Some(&json!(["cp", "-r", format!("/{KIT_DIRECTORY}"), "/opt"]))
    );
    assert_eq!((config.get("Cmd"), config.get("User")), (None, Some(&json!("1001"))));
    assert_eq!(config.env().collect::<Vec<_>>(), [("A", "b")]);
    let names: Vec<&String> = recipe.annotations.keys().collect();
    assert_eq!(names, ["org.opencontainers.image.base.digest", VERSION]);
}

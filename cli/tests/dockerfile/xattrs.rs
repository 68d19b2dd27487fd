//! Extended attributes, and what else an archive says of its members.

use std::path::Path;

use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use rustix::fs::{XattrFlags, setxattr};

/// Sets an extended attribute; returns whether the file system has any.
fn set_xattr(path: &Path, name: &str, value: &[u8]) -> bool {
    let set = setxattr(path, name, value, XattrFlags::empty());
    if set == Err(rustix::io::Errno::NOTSUP) {
        peer::skip_test("the file system has no extended attributes");
        return false;
    }
    set.unwrap();
    true
}

/// Returns a tar with one empty file and these pax records in front of it.
fn tar_with_records(name: &str, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_pax_extensions(records.iter().copied()).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(0);
    tar.append_data(&mut header, name, &[][..]).unwrap();
    tar.into_inner().unwrap()
}

/// Builds a Dockerfile and returns the extended attributes in its layers.
fn build(scene: &Scene, dockerfile: &str, args: &[&str]) -> Vec<String> {
    scene.write("c/Dockerfile", dockerfile);
    scene.build(&[args, &["c"]].concat());
    let image = Documents::only(&scene.path("out"));
    (0..image.layers().len()).flat_map(|number| image.xattrs(number)).collect()
}

#[test]
fn extended_attributes_are_carried() {
    let scene = Scene::new();
    let file = scene.write("c/x", "x");
    if !set_xattr(&file, "user.a", b"test") {
        return;
    }
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let records: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.user.a", b"test"),
        ("SCHILY.xattr.security.capability", capability),
        ("SCHILY.xattr.security.selinux", b"label"),
        ("mtime", b"1.5"),
    ];
    scene.write("c/a.tar", tar_with_records("y", &records));
    let shown = format!("y security.capability={}", String::from_utf8_lossy(capability));
    let expected = ["x user.a=test".to_owned(), shown.clone(), "y user.a=test".to_owned()];
    let steps = "FROM scratch AS st\nCOPY x /x\nADD a.tar /\n";
    // From the context and an archive, and from a stage.
    assert_eq!(build(&scene, steps, &[]), expected);
    let stage = format!("{steps}FROM scratch\nCOPY --from=st / /\n");
    std::fs::rename(scene.path("out"), scene.path("base")).unwrap();
    assert_eq!(build(&scene, &stage, &[]), expected);
    // From an image; without the cache it is read, with it the index is.
    let image = "FROM scratch\nCOPY --from=b /y /z\n";
    let base = format!("b=oci-layout://{}", scene.path("base").display());
    for _ in 0..2 {
        std::fs::remove_dir_all(scene.path("out")).unwrap();
        let found = build(&scene, image, &["--build-context", &base]);
        assert_eq!(found, [shown.replacen('y', "z", 1), "z user.a=test".to_owned()]);
    }
    // A new owner takes capabilities away.
    std::fs::remove_dir_all(scene.path("out")).unwrap();
    let owned = "FROM b\nRUN chown 1:1 /y\n";
    let found = build(&scene, owned, &["--build-context", &base]);
    assert_eq!(found.last().map(String::as_str), Some("y user.a=test"));
}

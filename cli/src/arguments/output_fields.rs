//! *Fields* of an output in the words of docker buildx and buildah: `type=oci,dest=FILE`
//! (<https://docs.docker.com/reference/cli/docker/buildx/build/#output>).

use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};

/// Returns whether the text is a list of fields.
pub(super) fn is_field_list(text: &str) -> bool {
    text.split(',').any(|field| field.trim().starts_with("type="))
}

/// The fields that decide where an image is written.
#[derive(Debug, Default)]
struct OutputFields {
    kind: String,
    dest: Option<String>,
    name: Option<String>,
    is_layout: bool,
    push: bool,
}

/// Parses a list of fields.
pub(super) fn parse_field_list(text: &str) -> Result<ImageLocation, String> {
    let mut fields = OutputFields::default();
    for field in split_fields(text) {
        fields.set(&field)?;
    }
    fields.location()
}

/// Splits a record of CSV: a field in quotes may have commas.
fn split_fields(text: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for letter in text.chars() {
        match (letter, fields.last_mut()) {
            ('"', _) => is_quoted = !is_quoted,
            (',', _) if !is_quoted => fields.push(String::new()),
            (letter, Some(field)) => field.push(letter),
            (_, None) => {}
        }
    }
    fields.into_iter().map(|field| field.trim().to_owned()).collect()
}

impl OutputFields {
    fn set(&mut self, field: &str) -> Result<(), String> {
        let (key, value) = field.split_once('=').unwrap_or((field, "true"));
        match (key, value) {
            ("type", _) => value.clone_into(&mut self.kind),
            ("dest", "") => return Err("a path is missing".into()),
            ("dest", _) => self.dest = Some(value.to_owned()),
            ("name", _) => self.name = Some(value.to_owned()),
            ("tar", "true" | "false") => self.is_layout = value == "false",
            ("push", "true" | "false") => self.push = value == "true",
            // What the image has anyway.
            ("oci-mediatypes" | "compression", "true" | "gzip")
            | ("force-compression" | "unpack" | "store", "true" | "false")
            | ("push-by-digest" | "name-canonical" | "rewrite-timestamp", "false") => {}
            ("oci-mediatypes", _) => return Err("use `--format docker` for docker's types".into()),
            ("compression", _) => return Err("use `--compression KIND`".into()),
            ("compression-level", _) => return Err("use `--compression-level N`".into()),
            ("push-by-digest" | "name-canonical", _) => {
                return Err(format!(
                    "`{key}` is not supported; push with a tag, the digest is printed"
                ));
            }
            _ if key.starts_with("annotation") => return Err("use `--annotation K=V`".into()),
            _ => {
                return Err(format!(
                    "`{field}` is not supported; `type`, `dest`, `name`, `tar` and `push` are"
                ));
            }
        }
        Ok(())
    }

    fn location(self) -> Result<ImageLocation, String> {
        let stream = self.dest.as_deref().unwrap_or("-");
        let local = |store, path: &str, name| {
            Ok(ImageLocation::Local(LocalImage { store, path: path.into(), name }))
        };
        match (self.kind.as_str(), self.dest.as_deref()) {
            ("oci", Some(path)) if self.is_layout => local(StoreKind::Layout, path, self.name),
            ("oci", None) if self.is_layout => Err("a layout needs `dest=DIR`".into()),
            ("oci", _) => local(StoreKind::OciArchive, stream, self.name),
            ("docker", _) => local(StoreKind::DockerArchive, stream, self.name),
            ("image", _) if !self.push => {
                Err("`type=image` needs `push=true`: there is no local store".into())
            }
            ("image" | "registry", _) => match self.name.as_deref() {
                None | Some("") => {
                    Err("a name is missing: `name=REF`, or use `--push` and `-t REF`".into())
                }
                Some(name) if name.contains(',') => {
                    Err("one name is expected; use `--push` and `-t REF` for several".into())
                }
                Some(name) => super::image_name::parse_reference(name).map(ImageLocation::Registry),
            },
            (kind @ ("local" | "tar"), _) => Err(format!(
                "`type={kind}` writes files, not an image; use `type=oci`, or `diskette extract`"
            )),
            (kind, _) => Err(format!(
                "`type={kind}` is not supported; `oci`, `docker`, `image` and `registry` are"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_buildx_reads_them() {
        let check = |text: &str, expected: Result<&str, &str>| {
            assert!(is_field_list(text), "{text}");
            let found = parse_field_list(text).map(|location| location.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{text}");
        };
        check("type=oci,dest=a.tar", Ok("oci-archive:a.tar"));
        check("type=oci", Ok("oci-archive:-"));
        check("dest=a,tar=false,type=oci", Ok("oci:a"));
        check(
            "type=oci, dest=a.tar ,oci-mediatypes=true,compression=gzip",
            Ok("oci-archive:a.tar"),
        );
        check("type=oci,\"dest=a,b.tar\"", Ok("oci-archive:a,b.tar"));
        check("type=docker,dest=a.tar", Ok("docker-archive:a.tar"));
        check("type=registry,name=q.io/me/a:1", Ok("q.io/me/a:1"));
        check("type=image,name=q.io/me/a:1,push=true", Ok("q.io/me/a:1"));
        check(
            "type=image,name=q.io/me/a:1",
            Err("`type=image` needs `push=true`: there is no local store"),
        );
        check("type=registry", Err("a name is missing: `name=REF`, or use `--push` and `-t REF`"));
        check(
            "type=image,push,\"name=q.io/a,q.io/b\"",
            Err("one name is expected; use `--push` and `-t REF` for several"),
        );
        check(
            "type=local,dest=x",
            Err("`type=local` writes files, not an image; use `type=oci`, or `diskette extract`"),
        );
        check("type=oci,compression=zstd", Err("use `--compression KIND`"));
        check("type=oci,compression-level=9", Err("use `--compression-level N`"));
        check("type=oci,oci-mediatypes=false", Err("use `--format docker` for docker's types"));
        check("type=oci,annotation.a=b", Err("use `--annotation K=V`"));
        check(
            "type=image,push=true,push-by-digest=true",
            Err("`push-by-digest` is not supported; push with a tag, the digest is printed"),
        );
        check("type=oci,dest=", Err("a path is missing"));
        check("type=oci,tar=false", Err("a layout needs `dest=DIR`"));
        check(
            "type=containerd",
            Err("`type=containerd` is not supported; `oci`, `docker`, `image` and `registry` are"),
        );
    }
}

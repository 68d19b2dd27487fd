//! Rules about blobs and layers.

super::table! {
    BLOB_UNREADABLE = Error "blob-unreadable" {
        must: "every layer can be read",
        else: "nobody can pull the image",
        from: "OCI distribution specification; OCI image specification, image-layout.md",
        fix: "push or copy the image again from where it is whole",
    }
    BLOB_SIZE = Error "blob-size" {
        must: "every layer has the size that the manifest gives",
        else: "container runtimes refuse it; CDI, which checks nothing, imports a part",
        from: "OCI image specification, descriptor.md",
        fix: "push or copy the image again from where it is whole",
    }
    BLOB_DIGEST = Error "blob-digest" {
        must: "every layer has the digest that the manifest gives",
        else: "container runtimes refuse it; CDI, which checks nothing, imports something else",
        from: "OCI image specification, descriptor.md; CDI pkg/importer/transport.go",
        fix: "push or copy the image again from where it is whole",
    }
    LAYER_LIMIT = Error "layer-limit" {
        must: "there are at most 500 layers",
        else: "no container runtime can mount so many",
        from: "Linux overlayfs, which takes at most 500 lower layers",
        fix: "build the image with fewer layers; a disk needs one",
    }
    LAYER_DIFF_ID = Error "layer-diff-id" {
        must: "every layer, decompressed, has the digest that the config gives",
        else: "container runtimes refuse the image: `wrong diff id calculated on extraction`",
        from: "containerd rootfs/apply.go; KubeVirt runs a container of the image",
        fix: "build the image again",
    }
    LAYER_UNREADABLE = Error "layer-unreadable" {
        must: "every layer is a tar that can be unpacked to its end",
        else: "container runtimes refuse the image, and CDI passes over the layer or \
             imports a part",
        from: "CDI pkg/importer/transport.go CopyRegistryImage; containerd archive/tar.go",
        fix: "build the image again",
    }
    LAYER_TYPE = Error "layer-type" {
        must: "the media type of each layer is one for tars, as OCI or Docker name them",
        else: "container runtimes do not know how to unpack the layer",
        from: "OCI image specification, layer.md; containerd diff/walking",
        fix: "build the image with layers of type `application/vnd.oci.image.layer.v1.tar+gzip`",
    }
    LAYER_TYPE_DIFFERS = Warning "layer-type-differs" {
        must: "a layer is compressed as its media type says",
        else: "CDI goes by the bytes and reads it, but a reader that goes by the type fails",
        from: "OCI image specification, layer.md; CDI pkg/importer/format-readers.go",
        fix: "build the image again, or push it with a tool that sets the type",
    }
    LAYER_COMPRESSION = Error "layer-compression" {
        must: "layers are compressed with gzip or zstd, or not at all",
        else: "containerd unpacks nothing else; CDI reads xz, but not bzip2",
        from: "OCI image specification, layer.md; CDI pkg/importer/format-readers.go",
        fix: "build the image with gzip, the default of diskette",
    }
    LAYER_SMALL = Error "layer-small" {
        must: "the layer with the disk has 512 bytes or more",
        else: "CDI up to 1.66 loses what it read to detect the compression, and the import fails",
        from: "CDI pkg/importer/format-readers.go (containerized-data-importer#4277)",
        fix: "build the image with diskette, which stores the tar headers in a block of their own",
    }
    LAYER_ZSTD_START = Error "layer-zstd-start" {
        must: "the first zstd block of the layer with the disk is not smaller than 512 bytes",
        else: "CDI up to 1.66 loses what it read to detect the compression, and the import \
             fails: `window size exceeded`",
        from: "CDI pkg/importer/format-readers.go (containerized-data-importer#4277)",
        fix: "use gzip, or build the image with diskette, which stores the tar headers in a \
             frame of their own",
    }
    LAYER_ZSTD_SKIPPABLE = Error "layer-zstd-skippable" {
        must: "a zstd layer begins with a frame of data",
        else: "CDI does not recognise zstd behind a skippable frame, as pzstd writes it, and takes the layer for a broken tar",
        from: "CDI pkg/importer/format-readers.go",
        fix: "compress the layer with ordinary zstd frames, or with gzip",
    }
}

//! Rules about the environment variables that CDI makes labels of.

super::table! {
    LABEL_KEY = Error "label-key" {
        must: "CDI makes a valid label key of each variable with `KUBEVIRT_IO_` in its name",
        else: "the API server refuses the label, and the import never completes",
        from: "CDI pkg/importer/util.go envsToLabels; Kubernetes apimachinery, validation.go",
        fix: "rename the variable, e.g. `INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE`",
    }
    LABEL_VALUE = Error "label-value" {
        must: "the value of such a variable is a valid label value",
        else: "the API server refuses the label, and the import never completes",
        from: "CDI pkg/importer/util.go envsToLabels; Kubernetes apimachinery, validation.go",
        fix: "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
    }
    LABEL_REPORT = Error "label-report" {
        must: "CDI's report of the import, with all labels, has at most 4096 bytes",
        else: "the import fails at its end: `Termination message length … exceeds maximum length of 4096 bytes`",
        from: "CDI pkg/common/common.go TerminationMessage.String",
        fix: "set fewer or shorter variables with `KUBEVIRT_IO_` in their names",
    }
    LABEL_TWICE = Warning "label-twice" {
        must: "no two variables make the same label",
        else: "the last of them wins, silently",
        from: "CDI pkg/importer/util.go envsToLabels",
        fix: "keep one of the variables",
    }
    LABEL_RESERVED = Warning "label-reserved" {
        must: "no variable makes a label of CDI itself, `cdi.kubevirt.io/…`",
        else: "CDI writes it onto the volume, where CDI and others read their own meaning into it",
        from: "CDI pkg/controller/util.go; pkg/controller/common/util.go",
        fix: "remove the variable",
    }
    LABEL_DROPPED = Warning "label-dropped" {
        must: "every label is one that CDI hands on to the final volume",
        else: "only labels of `kubevirt.io` and of domains below it, without dashes, get there",
        from: "CDI pkg/controller/common/util.go CopyAllowedLabels",
        fix: "rename the variable, e.g. `INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE`",
    }
}

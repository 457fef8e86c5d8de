//! The exported folder: complete, made once, replaced whole, and refused for a base that is damaged.

use std::fs;
use std::path::{Path, PathBuf};

use gemma::{GemmaError, GraphFormat, GraphManifest, SaveAs, StoredFile, Tensor32, Weights};
use tempfile::TempDir;

use crate::{ExportError, export_base};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma")
}

/// A copy of the golden base whose tensors went through `edit`.
fn base(edit: impl Fn(&str, Tensor32) -> Option<Tensor32>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(golden().join("config.json"), dir.path().join("config.json")).unwrap();
    let weights = Weights::load(&golden()).unwrap();
    let tensors: Vec<_> =
        weights.names().filter_map(|name| Some((name.to_owned(), edit(name, weights.get(name).unwrap())?))).collect();
    Weights::save(dir.path(), tensors, SaveAs::F32).unwrap();
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What others can run, too.
const FILES: [&str; 5] = ["NOTICE", "export.json", "genai_config.json", "model.onnx", "model.onnx.data"];
/// What is for the student alone.
const OWN_FILES: [&str; 4] = ["NOTICE", "export.json", "model.onnx", "model.onnx.data"];

#[test]
fn the_same_content_is_exported_once() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("graph");
    let first = export_base(&golden(), &out, GraphFormat::F32).unwrap();
    assert!(first.written);
    assert_eq!(names(&out), FILES);
    let bytes = |out: &Path| FILES.map(|name| fs::read(out.join(name)).unwrap());
    let content = bytes(&out);
    let second = export_base(&golden(), &out, GraphFormat::F32).unwrap();
    assert!(!second.written);
    assert_eq!((&second.fingerprint, second.bytes), (&first.fingerprint, first.bytes));

    let again = dir.path().join("again");
    export_base(&golden(), &again, GraphFormat::F32).unwrap();
    assert_eq!(bytes(&again), content, "an export is a function of its base");
    assert_eq!(names(dir.path()), ["again", "graph"], "nothing is left over");
}

#[test]
fn another_format_other_weights_or_a_damaged_folder_are_exported_anew() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("graph");
    let float = export_base(&golden(), &out, GraphFormat::F32).unwrap();
    let quantised = export_base(&golden(), &out, GraphFormat::I8Packed).unwrap();
    assert!(quantised.written && quantised.fingerprint != float.fingerprint);

    let other = base(|name, mut tensor| {
        if name == gemma::FINAL_NORM {
            tensor.data[0] += 0.5;
        }
        Some(tensor)
    });
    let changed = export_base(other.path(), &out, GraphFormat::I8Packed).unwrap();
    assert!(changed.written && changed.fingerprint != quantised.fingerprint);

    fs::write(out.join("model.onnx.data"), "cut short").unwrap();
    assert!(export_base(other.path(), &out, GraphFormat::I8Packed).unwrap().written);
    fs::remove_file(out.join("model.onnx")).unwrap();
    assert!(export_base(other.path(), &out, GraphFormat::I8Packed).unwrap().written);
    assert_eq!(names(&out), OWN_FILES);
}

#[test]
fn weights_lie_on_page_boundaries_so_that_they_can_be_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let mut data = crate::data::DataFile::create(&dir.path().join("data")).unwrap();
    let spans = [
        data.put_f32(&[1.0; 3]).unwrap(),
        data.put_bytes([0xff; 5000].into_iter()).unwrap(),
        data.put_f32(&[2.0]).unwrap(),
    ];
    assert_eq!(spans.map(|span| (span.offset, span.length)), [(0, 12), (4096, 5000), (12288, 4)]);
    assert_eq!(data.finish().unwrap().bytes, 12292);
    let bytes = fs::read(dir.path().join("data")).unwrap();
    assert_eq!(&bytes[12288..], 2.0_f32.to_le_bytes());
    assert_eq!(bytes[4096 + 4999], 0xff);
}

#[test]
fn a_manifest_says_how_the_folder_was_written_and_bytes_take_less_room_than_floats() {
    let dir = tempfile::tempdir().unwrap();
    let written = GraphFormat::ALL.map(|format| {
        let out = dir.path().join(format.name());
        export_base(&golden(), &out, format).unwrap();
        let manifest: GraphManifest = files::read_json(&out.join(gemma::GRAPH_MANIFEST_FILE)).unwrap().unwrap();
        assert_eq!(manifest.format, format);
        assert_eq!(manifest.graph, StoredFile::of(&fs::read(out.join("model.onnx")).unwrap()));
        assert_eq!(manifest.data, StoredFile::of(&fs::read(out.join("model.onnx.data")).unwrap()));
        manifest.data.bytes
    });
    // Not a quarter: in a model this small the padding to pages dominates.
    assert!(written[1] < written[0] && written[2] < written[0], "{written:?}");
}

/// Where the data of an initializer lies, read out of the graph's bytes: it is declared after the nodes that name it.
fn offset(graph: &[u8], name: &str) -> u64 {
    let after = |from: usize, wanted: &str| {
        from + graph[from..].windows(wanted.len()).position(|bytes| bytes == wanted.as_bytes()).unwrap() + wanted.len()
    };
    let declared = graph.windows(name.len()).rposition(|bytes| bytes == name.as_bytes()).unwrap();
    // The value's tag and length stand before its digits.
    let digits = after(declared, "offset") + 2;
    let text: Vec<u8> = graph[digits..].iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(text).unwrap().parse().unwrap()
}

#[test]
fn blocks_of_the_table_are_stored_once_for_embedding_and_head() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("graph");
    export_base(&golden(), &out, GraphFormat::I8Block).unwrap();
    let graph = fs::read(out.join("model.onnx")).unwrap();
    assert_eq!(offset(&graph, "embedding.rows.u8"), offset(&graph, "embedding.weight"));
    assert_ne!(offset(&graph, "embedding.weight"), offset(&graph, "embedding.scales"));
}

#[test]
fn a_damaged_base_is_refused_and_leaves_nothing_behind() {
    let target = |name: &str| name == "model.layers.1.mlp.up_proj.weight";
    let nan = base(|name, mut tensor| {
        if target(name) {
            tensor.data[7] = f32::NAN;
        }
        Some(tensor)
    });
    let turned = base(|name, mut tensor| {
        if target(name) {
            tensor.shape.reverse();
        }
        Some(tensor)
    });
    let missing = base(|name, tensor| (!target(name)).then_some(tensor));
    for (base, wanted) in [(&nan, "finite"), (&turned, "shape"), (&missing, "up_proj")] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("graph");
        let message = export_base(base.path(), &out, GraphFormat::I8Packed).unwrap_err().to_string();
        assert!(message.contains(wanted) && message.contains("up_proj"), "{message}");
        assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    }
}

#[test]
fn an_export_that_fails_keeps_the_folder_that_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("graph");
    let good = export_base(&golden(), &out, GraphFormat::F32).unwrap();
    let bad = base(|name, tensor| (name != gemma::FINAL_NORM).then_some(tensor));
    assert!(export_base(bad.path(), &out, GraphFormat::F32).is_err());
    assert_eq!(export_base(&golden(), &out, GraphFormat::F32).unwrap(), crate::Exported { written: false, ..good });
}

#[test]
fn a_folder_without_weights_or_a_head_size_the_kernel_lacks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(golden().join("config.json"), dir.path().join("config.json")).unwrap();
    let out = dir.path().join("graph");
    assert!(matches!(
        export_base(dir.path(), &out, GraphFormat::F32),
        Err(ExportError::Base(GemmaError::NoWeights { .. }))
    ));
    let mut config: serde_json::Value =
        serde_json::from_slice(&fs::read(golden().join("config.json")).unwrap()).unwrap();
    config["head_dim"] = 24.into();
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    assert!(matches!(export_base(dir.path(), &out, GraphFormat::F32), Err(ExportError::Unsupported(_))));
}

//! Names of the forms.

use super::GraphFormat;

#[test]
fn a_format_has_one_name_in_files_and_in_text() {
    for format in GraphFormat::ALL {
        assert_eq!(format.name().parse::<GraphFormat>().unwrap(), format);
        assert_eq!(serde_json::to_value(format).unwrap(), format.name());
    }
    let message = "int4".parse::<GraphFormat>().unwrap_err().to_string();
    assert!(message.contains("int4") && message.contains("i8packed"), "{message}");
}

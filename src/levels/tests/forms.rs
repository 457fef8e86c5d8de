use proptest::prelude::*;

use super::{maps, sound_map};
use crate::forms::{Layout, Legend, Options};
use crate::{Context, Form, LevelRules, Map, Name, canonical, check, is_valid};

use crate::forms;

fn read(form: Form, text: &str) -> Result<Map, String> {
    form.read(text, &Options::default()).map_err(|error| error.to_string())
}

fn written(form: Form, map: &Map) -> String {
    let bytes = form.write(map, &[], &Options::default()).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A file that broke off.
fn half(text: &str) -> &str {
    text.get(..text.len() / 2).unwrap()
}

#[track_caller]
fn refused(form: Form, text: &str, words: &[&str]) {
    let problem = read(form, text).unwrap_err();
    for word in words {
        assert!(problem.contains(word), "`{word}` is not in `{problem}`");
    }
}

const DRAWN: &str = "P.B.E\n..B..\n.....\no...E\n";

#[test]
fn a_level_is_drawn_and_read_back() {
    assert_eq!(written(Form::Ascii, &sound_map()), DRAWN);
    let map = read(Form::Ascii, DRAWN).unwrap();
    assert!(is_valid(&map, LevelRules::default()));
    assert_eq!(canonical::hash(&map, LevelRules::default()), canonical::hash(&sound_map(), LevelRules::default()));
    assert_eq!(forms::layout::text(&sound_map(), LevelRules::default()).unwrap(), "P.B.E\n..B..\n.....\nB...E");
}

#[test]
fn a_legend_says_what_letters_are() {
    let vglc = r#"{"tiles": {"X": ["solid", "ground"], "-": ["passable", "empty"], "g": ["damaging", "enemy"], "@": ["passable", "start"]}}"#;
    let options = Options { legend: Legend::parse(vglc).unwrap(), ..Options::default() };
    let map = Form::Ascii.read("@-X\n--X\n--g\n", &options).unwrap();
    assert_eq!((map.walls.len(), map.enemies.len(), map.level.width), (1, 1, 3));
    let spaces = r##"{"tiles": {"#": ["wall"], " ": ["floor"], "$": ["enemy"], "@": ["player"]}}"##;
    let options = Options { legend: Legend::parse(spaces).unwrap(), ..Options::default() };
    assert_eq!(Form::Ascii.read("@#  \r\n $  \r\n    \r\n", &options).unwrap().level.width, 4);
    let wrong = |text: &str| Legend::parse(text).unwrap_err().to_string();
    assert!(wrong(r#"{"tiles": {"XX": ["solid"]}}"#).contains("one letter"));
    assert!(wrong(r#"{"tiles": {"X": ["shiny"]}}"#).contains("shiny"));
    assert!(wrong("{").contains("line 1"));
}

#[test]
fn facts_of_a_level_survive_where_a_form_has_properties() {
    let mut map = sound_map();
    map.level.name = Some(Name::Text("A \"dark\" <crypt> & more".to_owned()));
    for form in [Form::Tmx, Form::Tmj, Form::Ldtk] {
        let again = read(form, &written(form, &map)).unwrap();
        assert_eq!(again.level, map.level, "{form:?}");
        assert_eq!(again.player_pos, map.player_pos);
        assert_eq!(again.enemies, map.enemies);
        assert_eq!(again.small_obstacles, map.small_obstacles);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn cells_survive_every_form_that_is_read(map in maps()) {
        let rules = LevelRules::default();
        prop_assume!(Layout::of(&map, rules).is_some());
        for form in [Form::Jac, Form::Tmx, Form::Tmj, Form::Ldtk] {
            let again = read(form, &written(form, &map)).unwrap();
            prop_assert_eq!(canonical::hash(&again, rules), canonical::hash(&map, rules), "{:?}", form);
        }
        if is_valid(&map, rules) && let Ok(text) = Form::Ascii.write(&map, &[], &Options::default()) {
                let again = read(Form::Ascii, &String::from_utf8(text).unwrap()).unwrap();
                prop_assert_eq!(canonical::hash(&again, rules), canonical::hash(&map, rules));
                prop_assert!(is_valid(&again, rules));
        }
    }

    #[test]
    fn no_text_panics_in_any_form(text in "[\\[\\]{}<>/=\"a-z0-9,. \\n-]{0,120}", cut in 0_usize..4_000) {
        for form in [Form::Ascii, Form::Tmx, Form::Tmj, Form::Ldtk] {
            read(form, &text).ok();
            let whole = written(form, &sound_map());
            let mut broken: String = whole.chars().take(cut % whole.len()).collect();
            read(form, &broken).ok();
            broken.push_str(&text);
            broken.extend(whole.chars().skip(cut % whole.len() + 1));
            read(form, &broken).ok();
        }
    }
}

#[test]
fn broken_ascii_is_refused_with_its_place() {
    refused(Form::Ascii, "P.B\n..?\n...\n", &["line 2, column 3", "`?`"]);
    refused(Form::Ascii, "P..\n..\n...\n", &["line 2", "3 letters"]);
    refused(Form::Ascii, "...\n...\n...\n", &["0 players"]);
    refused(Form::Ascii, "P.P\n...\n...\n", &["2 players"]);
    refused(Form::Ascii, "P.\n..\n", &["2 x 2", "3 to 64"]);
    refused(Form::Ascii, "", &["0 x 0"]);
    refused(Form::Ascii, &"P".repeat(2 << 20), &["2097152 bytes"]);
    let mut map = sound_map();
    map.enemies[0] = map.player_pos;
    let problem = Form::Ascii.write(&map, &[], &Options::default()).unwrap_err().to_string();
    assert!(problem.contains("row 1, column 1"), "{problem}");
}

#[test]
fn broken_tmj_is_refused_with_its_place() {
    let whole = written(Form::Tmj, &sound_map());
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from} {whole}");
        whole.replacen(from, to, 1)
    };
    refused(Form::Tmj, half(&whole), &["TMJ", "line 1"]);
    refused(Form::Tmj, &with("\"height\":4,\"tilewidth\"", "\"height\":1000000000,\"tilewidth\""), &["5 x 1000000000"]);
    refused(Form::Tmj, &with("\"height\":4,\"tilewidth\"", "\"height\":-4,\"tilewidth\""), &["5 x -4"]);
    refused(Form::Tmj, &with("\"infinite\":false", "\"infinite\":true"), &["infinite"]);
    refused(Form::Tmj, &with("\"columns\":0", "\"columns\":0,\"source\":\"other.tsx\""), &["other.tsx", "embed"]);
    refused(
        Form::Tmj,
        &with("\"data\":[0,0,1", "\"data\":[0,0,7"),
        &["layer `walls`, column 3, row 1", "unknown tile 7"],
    );
    refused(Form::Tmj, &with("\"data\":[0,0,1", "\"data\":[0,1"), &["19 tiles", "5 x 4"]);
    refused(Form::Tmj, &with("\"data\":[0,0,1", "\"data\":[0,0,-1"), &["TMJ"]);
    refused(
        Form::Tmj,
        &with("\"type\":\"enemy\"", "\"type\":\"chest\"").replace("\"name\":\"enemy\"", "\"name\":\"chest\""),
        &["chest"],
    );
    refused(Form::Tmj, &with("\"type\":\"wall\"", "\"type\":\"lava\""), &["tile 1", "lava"]);
    refused(Form::Tmj, &with("orthogonal", "isometric"), &["orthogonal"]);
    refused(Form::Tmj, &format!("{}{}", "{\"layers\":[".repeat(500), "}".repeat(500)), &["recursion"]);
    let turned = with("\"data\":[0,0,1", "\"data\":[0,0,2684354561");
    assert!(read(Form::Tmj, &turned).is_ok_and(|map| is_valid(&map, LevelRules::default())), "a turned wall is a wall");
}

#[test]
fn broken_tmx_is_refused_with_its_place() {
    let whole = written(Form::Tmx, &sound_map());
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from} {whole}");
        whole.replacen(from, to, 1)
    };
    refused(Form::Tmx, half(&whole), &["TMX"]);
    refused(Form::Tmx, &with("width=\"5\"", "width=\"1000000000\""), &["1000000000 x 4"]);
    refused(Form::Tmx, &with("width=\"5\"", "width=\"99999999999999999999\""), &["line 2", "no whole number"]);
    refused(Form::Tmx, &with("<tileset ", "<tileset source=\"other.tsx\" "), &["line", "other.tsx"]);
    refused(Form::Tmx, &with("0,0,1,", "0,0,9,"), &["unknown tile 9"]);
    refused(Form::Tmx, &with("0,0,1,", "0,x,1,"), &["tile 2", "`x`"]);
    refused(Form::Tmx, &with("encoding=\"csv\"", "encoding=\"base64\" compression=\"zstd\""), &["<data>"]);
    refused(Form::Tmx, &with("<object id=\"1\"", "<object template=\"a.tx\" id=\"1\""), &["a.tx"]);
    refused(Form::Tmx, "<!DOCTYPE a [<!ENTITY a \"&a;\">]><map/>", &["TMX"]);
    let groups = with(" <layer ", &format!("{}<layer ", "<group>".repeat(20)));
    refused(Form::Tmx, &groups.replacen("</layer>", &format!("</layer>{}", "</group>".repeat(20)), 1), &["16 groups"]);
    refused(Form::Tmx, &"<map>".repeat(100_000), &["TMX"]);
    let grouped = with(" <layer ", "<group><layer ").replacen("</layer>", "</layer></group>", 1);
    assert!(read(Form::Tmx, &grouped).is_ok());
}

#[test]
fn packed_layers_are_read_and_a_bomb_is_not() {
    use std::io::Write;

    use base64::Engine;
    let pack = |words: &[u8]| {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(words).unwrap();
        base64::engine::general_purpose::STANDARD.encode(packer.finish().unwrap())
    };
    let whole = written(Form::Tmx, &sound_map());
    let (before, rest) = whole.split_once("<data encoding=\"csv\">\n").unwrap();
    let (csv, after) = rest.split_once("\n</data>").unwrap();
    let words: Vec<u8> = csv.split(',').flat_map(|gid| gid.trim().parse::<u32>().unwrap().to_le_bytes()).collect();
    let text =
        |words: &[u8]| format!("{before}<data encoding=\"base64\" compression=\"zlib\">{}</data>{after}", pack(words));
    assert_eq!(read(Form::Tmx, &text(&words)).unwrap().walls, read(Form::Tmx, &whole).unwrap().walls);
    refused(Form::Tmx, &text(&vec![0; 64 << 20]), &["more than 4096 tiles"]);
    refused(Form::Tmx, &text(&words[..words.len() - 2]), &["not four a tile"]);
}

#[test]
fn broken_ldtk_is_refused_with_its_place() {
    let whole = written(Form::Ldtk, &sound_map());
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from} {whole}");
        whole.replace(from, to)
    };
    refused(Form::Ldtk, half(&whole), &["LDtk"]);
    refused(Form::Ldtk, &with("\"__cWid\":5", "\"__cWid\":1000000000"), &["1000000000 x 4"]);
    refused(
        Form::Ldtk,
        &with("\"intGridCsv\":[0,0,1", "\"intGridCsv\":[0,0,5"),
        &["layer `Walls`", "column 3, row 1", "5"],
    );
    refused(Form::Ldtk, &with("\"intGridCsv\":[0,0,1", "\"intGridCsv\":[0,1"), &["19 numbers"]);
    refused(Form::Ldtk, &with("\"__identifier\":\"Enemy\"", "\"__identifier\":\"Chest\""), &["Chest"]);
    refused(Form::Ldtk, &with("\"__grid\":[0,0]", "\"__grid\":[-1,0]"), &["Player", "-1, 0", "outside"]);
    refused(Form::Ldtk, "{\"levels\":[]}", &["there is none"]);
    refused(
        Form::Ldtk,
        "{\"levels\":[{\"identifier\":\"A\",\"layerInstances\":null}]}",
        &["level `A`", "another file"],
    );
}

#[test]
fn pictures_show_every_finding() {
    let mut map = sound_map();
    map.enemies[0] = map.walls[0].start_pos;
    let findings = check(&map, LevelRules::default(), Context::default());
    let svg = String::from_utf8(Form::Svg.write(&map, &findings, &Options::default()).unwrap()).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    assert_eq!(texts, ["E6 the enemy at (3, 2) stands in a wall or obstacle"]);
    let png = Form::Png.write(&map, &findings, &Options::default()).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (120, 100));
    // The frame's upper left pixel of cell (3, 2): 10 + 2 * 20 right, 10 + 1 * 20 down.
    let pixel = |x: usize, y: usize| &pixels[(y * 120 + x) * 3..][..3];
    assert_eq!(pixel(50, 30), [230, 0, 0]);
    assert_ne!(pixel(70, 30), [230, 0, 0]);
    assert!(Form::Svg.read(&svg, &Options::default()).is_err());
}

#[test]
fn a_files_name_tells_its_form() {
    let of = |name| Form::of_file(name);
    assert_eq!(of("a/b.json"), Some(Form::Jac));
    assert_eq!(of("b.TMX"), Some(Form::Tmx));
    assert_eq!(of("b.ldtkl"), Some(Form::Ldtk));
    assert_eq!((of("b.exe"), of("b")), (None, None));
}

//! Lines for a shell, taken apart as far as the documents' own lines need it.

/// A word or an operator of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// As it is written.
    pub(super) raw: String,
    /// Without its quotes.
    pub(super) value: String,
    pub(super) is_operator: bool,
}

/// The lines of a block that do something: comments and blank lines are left out, continued lines are one.
pub(super) fn lines(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Words and operators of `line`, without the comment at its end.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut letters) = (Vec::new(), line.chars().peekable());
    while let Some(&letter) = letters.peek() {
        match letter {
            ' ' | '\t' => drop(letters.next()),
            '#' => break,
            '|' | '&' | ';' | '>' | '<' => {
                let mut raw = String::new();
                while let Some(letter) = letters.next_if(|letter| "|&;><".contains(*letter)) {
                    raw.push(letter);
                }
                tokens.push(Token { value: raw.clone(), raw, is_operator: true });
            }
            _ => tokens.push(word(&mut letters).map_err(|problem| format!("{problem}: {line}"))?),
        }
    }
    Ok(tokens)
}

fn word(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, &'static str> {
    let (mut raw, mut value) = (String::new(), String::new());
    while let Some(letter) = letters.next_if(|letter| !" \t|&;><".contains(*letter)) {
        raw.push(letter);
        match letter {
            '\'' | '"' => loop {
                let inner = letters.next().ok_or("a quote has no end")?;
                raw.push(inner);
                match inner {
                    _ if inner == letter => break,
                    '\\' if letter == '"' => {
                        let escaped = letters.next().ok_or("a quote has no end")?;
                        raw.push(escaped);
                        value.push(escaped);
                    }
                    _ => value.push(inner),
                }
            },
            '\\' => {
                let escaped = letters.next().ok_or("a backslash has nothing behind it")?;
                raw.push(escaped);
                value.push(escaped);
            }
            '$' | '`' | '(' => return Err("nothing may depend on the reader's shell"),
            _ => value.push(letter),
        }
    }
    Ok(Token { raw, value, is_operator: false })
}

/// The commands of a line, and the operators between them.
pub(super) fn commands(tokens: &[Token]) -> Vec<&[Token]> {
    tokens.split(|token| token.is_operator && ["&&", "|", ";", "||"].contains(&token.value.as_str())).collect()
}

/// Variables that a command begins with, and the rest of it.
pub(super) fn without_variables(command: &[Token]) -> (&[Token], &[Token]) {
    let is_variable = |token: &Token| {
        let name = token.value.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
        })
    };
    command.split_at(command.iter().take_while(|token| is_variable(token)).count())
}

/// A text as one word of a shell's.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

//! Reads a list of accounts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Account, Roster, RosterError};
use crate::model::arn::{Arn, is_account_id};

impl Roster {
    /// Reads a list: one 12-digit id per line; one JSON object per line, of the fields of [`Account`] or of the
    /// API's `Account`; or the response of `aws organizations list-accounts`.
    ///
    /// # Errors
    /// A line is not an account, an account is listed twice, or there is none.
    pub fn parse(text: &str) -> Result<Self, RosterError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut roster = Roster::default();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let response: Option<ListAccounts> = serde_json::from_str(text).ok();
        let entries: Vec<(usize, Result<Account, String>)> = match response {
            Some(response) => {
                let accounts = response.accounts.into_iter().enumerate();
                accounts
                    .map(|(at, account)| (at + 1, read_object(account)))
                    .collect()
            }
            None => {
                let lines = text.lines().enumerate();
                let lines = lines.map(|(at, line)| (at + 1, line.trim()));
                let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
                lines.map(|(at, line)| (at, read_line(line))).collect()
            }
        };
        for (line, account) in entries {
            let account = account.map_err(|reason| RosterError::Line { line, reason })?;
            if let Some(first) = lines.insert(account.id.clone(), line) {
                return Err(RosterError::Twice {
                    id: account.id,
                    first: format!("line {first}"),
                    second: format!("line {line}"),
                });
            }
            roster.accounts.insert(account.id.clone(), account);
        }
        match roster.accounts.is_empty() {
            true => Err(RosterError::Empty),
            false => Ok(roster),
        }
    }
}

/// The response of `aws organizations list-accounts`.
#[derive(Deserialize)]
struct ListAccounts {
    #[serde(rename = "Accounts")]
    accounts: Vec<Map<String, Value>>,
}

/// Fields of the API's `Account` that are not needed.
const UNUSED_FIELDS: [&str; 4] = ["Arn", "Email", "JoinedMethod", "JoinedTimestamp"];

fn read_line(line: &str) -> Result<Account, String> {
    if !line.starts_with('{') {
        return check_id(line).map(|()| Account::with_id(line));
    }
    let object = serde_json::from_str(line).map_err(|error| format!("invalid JSON: {error}"))?;
    read_object(object)
}

/// Reads an account from an object of this program or of the API.
fn read_object(object: Map<String, Value>) -> Result<Account, String> {
    let mut fields = Map::new();
    for (name, value) in object {
        match name.as_str() {
            "Id" => fields.insert("id".to_owned(), value),
            "Name" => fields.insert("name".to_owned(), value),
            "State" => fields.insert("state".to_owned(), value),
            // Retired in favor of `State`, which wins.
            "Status" => {
                fields.entry("state").or_insert(value);
                None
            }
            "Paths" => match value.get(0) {
                Some(path) => fields.insert("ou".to_owned(), path.clone()),
                None => None,
            },
            other if UNUSED_FIELDS.contains(&other) => None,
            _ => fields.insert(name, value),
        };
    }
    if fields.get("id").is_some_and(Value::is_number) {
        return Err("\"id\" is a number; an account ID is a string of 12 digits".to_owned());
    }
    let account: Account =
        serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
    if account.file.is_none() {
        check_id(&account.id)?;
    }
    if let Some(role) = &account.role_arn {
        let arn = Arn::parse(role).filter(|arn| {
            let name = arn.resource.strip_prefix("role/").unwrap_or_default();
            arn.service == "iam" && !name.is_empty()
        });
        match arn {
            Some(arn) if arn.account == account.id => {}
            Some(_) => return Err(format!("{role} is not a role of account {}", account.id)),
            None => return Err(format!("{role:?} is not the ARN of a role")),
        }
    }
    Ok(account)
}

fn check_id(text: &str) -> Result<(), String> {
    if is_account_id(text) {
        return Ok(());
    }
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    Err(match only_digits {
        true => format!(
            "{text} has {} digits; an account ID has 12, leading zeros included",
            text.len()
        ),
        false => format!("{text:?} is not an account ID of 12 digits"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fleet::AccountState;

    fn line_error(text: &str) -> String {
        Roster::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_list_is_ids_objects_or_the_response_of_the_api() {
        let lines = "# ours\n111122223333\n\n{\"id\":\"000011112222\",\"name\":\"a\",\"ou\":\"r-ab12/ou-ab12-11112222\"}\n";
        let roster = Roster::parse(lines).unwrap();
        let ids: Vec<&str> = roster.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["000011112222", "111122223333"]);
        let response = r#"{"Accounts":[{"Id":"111122223333","Arn":"x","Email":"e","Name":"pay","Status":"ACTIVE",
            "State":"SUSPENDED","Paths":["o-a1b2c3d4e5/r-ab12/ou-ab12-11112222/111122223333/"],"JoinedMethod":"CREATED"}]}"#;
        let roster = Roster::parse(response).unwrap();
        let account = roster.find_account("111122223333").unwrap();
        assert_eq!(account.state, Some(AccountState::Suspended));
        let ou = account.ou.as_ref().unwrap();
        assert_eq!(ou.to_string(), "r-ab12/ou-ab12-11112222");
        // What is written can be read.
        assert_eq!(Roster::parse(&roster.to_lines().unwrap()).unwrap(), roster);
    }

    #[test]
    fn what_is_not_an_account_is_an_error_with_its_line() {
        assert!(
            line_error("111122223333\n12345678901\n")
                .starts_with("line 2: 12345678901 has 11 digits")
        );
        assert!(line_error("{\"id\":111122223333}").contains("is a number"));
        assert!(
            line_error("{\"id\":\"111122223333\",\"role\":\"x\"}").contains("unknown field `role`")
        );
        assert!(line_error("111122223333,payments").contains("is not an account ID"));
        let role = |arn: &str| {
            line_error(&format!(
                "{{\"id\":\"111122223333\",\"role_arn\":\"{arn}\"}}"
            ))
        };
        assert!(
            role("arn:aws:iam::444455556666:role/A")
                .contains("is not a role of account 111122223333")
        );
        for wrong in [
            "Auditor",
            "arn:aws:iam::111122223333:user/a",
            "arn:aws:iam::111122223333:role/",
        ] {
            assert!(role(wrong).contains("is not the ARN of a role"), "{wrong}");
        }
        assert_eq!(
            line_error("111122223333\n444455556666\n111122223333"),
            "account 111122223333 is listed twice: line 1 and line 3"
        );
        assert_eq!(line_error("# nothing\n"), "the list has no account");
    }
}

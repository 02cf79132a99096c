//! Every text of the Partner API, once: the document's own, and those that partner-api.md adds.

/// A body that is no JSON object, or names a member twice.
pub const MALFORMED_JSON: &str = "Malformed JSON";
/// A query whose escapes are none, or that names a member twice.
pub const MALFORMED_QUERY: &str = "Malformed query";
/// Something broke, and nothing was done.
pub const UNEXPECTED: &str = "An unexpected server error occurred.";
/// The same on the two calls that move money.
pub const TRANSFER_FAILED: &str = "Database transaction failed. Please try again.";
/// Fields that are not of their form.
pub const INVALID: &str = "The given data was invalid.";

/// A user was registered.
pub const REGISTERED: &str = "User registered successfully!";
/// Before the name of the partner that has registered the number.
pub const REGISTERED_BEFORE: &str = "This mobile number is already registered with this partner ";
/// Nobody is registered under the number.
pub const USER_NOT_FOUND: &str = "User with specified mobile number not found";
/// Only others have registered the number.
pub const USER_OF_ANOTHER: &str = "User does not belong to this partner";

/// A link was made.
pub const LINK_MADE: &str = "Authentication URL generated successfully.";
/// No game was named, or none that there is.
pub const GAME_TYPE: &str = "Missing X-Game-Type header or invalid game type";
/// On the call for a link: wrong credentials, or a number that nobody registered.
pub const INVALID_USER: &str = "Invalid user credentials or API credentials";
/// The partner's users may not play the game, or the user is another's.
pub const NOT_PERMITTED: &str =
    "Partner not permitted for this game or user does not belong to this partner";
/// An operator has blocked the user.
pub const USER_BLOCKED: &str = "User is blocked";

/// Money was put on.
pub const DEPOSITED: &str = "Deposit successful.";
/// Money was taken off.
pub const WITHDRAWN: &str = "Withdrawal successful.";
/// More was to be taken off than there is.
pub const INSUFFICIENT_FUNDS: &str = "Insufficient funds for withdrawal";
/// Nothing was done under the id.
pub const TRANSFER_NOT_FOUND: &str = "Transaction not found";

/// `name` is missing.
pub const NAME_REQUIRED: &str = "Name is required";
/// `name` is no text.
pub const NAME_KIND: &str = "Name must be a string";
/// `name` is too long.
pub const NAME_TOO_LONG: &str = "Name must have at most 190 characters";
/// `name` holds characters that move a terminal's cursor.
pub const NAME_CONTROL: &str = "Name must not have control characters";
/// `email` is missing.
pub const EMAIL_REQUIRED: &str = "Email is required";
/// `email` does not look like one.
pub const EMAIL_INVALID: &str = "Email must be a valid email address";
/// `mobile` is missing.
pub const MOBILE_REQUIRED: &str = "Mobile number is required";
/// `mobile` is neither a text nor a whole number.
pub const MOBILE_KIND: &str = "Mobile number must be a string or a number of digits";
/// `mobile` is no mobile number.
pub const MOBILE_INVALID: &str = "Mobile number must have 7 to 15 digits";
/// `amount` is missing.
pub const AMOUNT_REQUIRED: &str = "Amount is required";
/// `amount` is not of the grammar.
pub const AMOUNT_NOT_A_NUMBER: &str = "Amount must be a number";
/// `amount` is nothing, or less.
pub const AMOUNT_NOT_POSITIVE: &str = "Amount must be greater than 0";
/// `amount` has a third decimal.
pub const AMOUNT_DECIMALS: &str = "Amount must have at most 2 decimal places";
/// `amount` is over 10^15 cents.
pub const AMOUNT_TOO_LARGE: &str = "Amount is too large";
/// `amount` would take the balance past its limit.
pub const BALANCE_LIMIT: &str = "Balance limit exceeded";
/// `transaction_id` is missing.
pub const TRANSFER_ID_REQUIRED: &str = "Transaction ID is required";
/// `transaction_id` is neither a text nor a whole number.
pub const TRANSFER_ID_KIND: &str = "Transaction ID must be a string or a number of digits";
/// `transaction_id` is too long.
pub const TRANSFER_ID_LENGTH: &str = "Transaction ID must have 1 to 190 characters";
/// `transaction_id` holds characters that move a terminal's cursor.
pub const TRANSFER_ID_CONTROL: &str = "Transaction ID must not have control characters";
/// `transaction_id` was used before.
pub const TRANSFER_ID_USED: &str = "Transaction ID already exists";
/// `limit` of a page is out of its range.
pub const LIMIT_RANGE: &str = "Limit must be from 1 to 200";
/// `cursor` of a page is none that a page gave.
pub const CURSOR_UNKNOWN: &str = "Cursor must be one that a page gave";

/// A payment link was made, or is there.
pub const LINK_GENERATED: &str = "Payment link generated successfully.";
/// An order's state is told.
pub const STATUS_FETCHED: &str = "Transaction status fetched successfully.";
/// An order was taken back.
pub const ORDER_CANCELLED: &str = "Order cancelled successfully.";
/// The partner has no such order.
pub const ORDER_NOT_FOUND: &str = "Order not found";
/// `orderId` is missing.
pub const ORDER_ID_REQUIRED: &str = "Order ID is required";
/// `orderId` is neither a text nor a whole number.
pub const ORDER_ID_KIND: &str = "Order ID must be a string or a number of digits";
/// `orderId` is too long.
pub const ORDER_ID_LENGTH: &str = "Order ID must have at most 64 characters";
/// `orderId` holds characters that move a terminal's cursor.
pub const ORDER_ID_CONTROL: &str = "Order ID must not have control characters";
/// `orderId` is another order's.
pub const ORDER_ID_USED: &str = "Order ID already exists";
/// The order is over.
pub const ORDER_NOT_PENDING: &str = "Order is not pending";
/// `txnNote` is too long.
pub const NOTE_TOO_LONG: &str = "Note must have at most 255 characters";
/// `txnNote` is no text.
pub const NOTE_KIND: &str = "Note must be a string";
/// `txnNote` holds characters that move a terminal's cursor.
pub const NOTE_CONTROL: &str = "Note must not have control characters";

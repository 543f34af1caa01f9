//! What jobs have in common, for packing them.

/// Text of which much is in every [`Job`](crate::Job): what stands before its body, and the names and values that Netbanx'
/// webhooks have most often, the commonest last. The queue's records are packed against it, so that it never changes:
/// a better one would be a second one.
pub const DICTIONARY: &[u8] = concat!(
    r#""billingDetails":{"zip":"","country":"","city":"","phone":"","street":"","profile":{"firstName":"","#,
    r#""lastName":"","email":""},"customerIp":"","usage":"SINGLE_USE","executionMode":"SYNCHRONOUS","#,
    r#""gatewayResponse":{"processor":"","card":{"cardType":"VI","lastDigits":"","cardExpiry":{"month":,"year":,"#,
    r#""holderName":"","transactionType":"PAYMENT","gatewayReconciliationId":"","settlementId":"","error":{"code":"","#,
    r#""message":"","eventType":"REFUND_SETTLEMENT_FAILED","eventType":"PAYMENT_HANDLE_PROCESSING","#,
    r#""attemptNumber":"1","type":"PAYMENT","resourceId":"","eventDate":"20","#,
    r#""links":[{"href":"https://api.paysafe.com/paymenthub/v1/payments/","rel":"payment_handle"}],"mode":"live","#,
    r#""eventName":"{"webhookId":"01","endpoint":"netbanx","companyId":"","identity":"","#,
    r#""eventName":"PAYMENT_COMPLETED","receivedMs":17,"body":{"payload":{"accountId":"100","id":"","#,
    r#""merchantRefNum":"","paymentHandleToken":"PHP","amount":,"currencyCode":"EUR","status":"COMPLETED","#,
    r#""paymentType":"CARD","statusTime":"20","updatedTime":"20","settleWithAuth":true,"availableToSettle":0,"#,
    r#""txnTime":"20"#,
)
.as_bytes();

#[cfg(test)]
mod tests {
    use ring::digest;

    use super::*;

    #[test]
    fn it_never_changes() {
        let digest = digest::digest(&digest::SHA256, DICTIONARY);
        assert_eq!(
            hex::encode(digest),
            "94584e5672c149599e3ff18676e897a2f27277f4f9060299347de2bad9c972ed",
            "jobs in Redis rest on it"
        );
    }
}

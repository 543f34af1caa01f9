import { messageOf, Problem } from '../../api/client';
import { t } from '../../texts';

/** What is wrong with what somebody entered about their own account, in their language where it is one of the usual mistakes. */
export function sayWrong(error: unknown): string {
  const isWrong = error instanceof Problem && error.message === `${error.parameter} is wrong`;
  if (!isWrong) return messageOf(error);
  return error.parameter === 'oldPassword' ? t.account.oldPasswordWrong : error.parameter === 'code' ? t.account.codeWrong : t.account.passwordWrong;
}

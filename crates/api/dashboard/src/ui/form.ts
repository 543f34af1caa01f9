import { useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/client';

export interface Submitted {
  submit: (event: Event) => void;
  /** What was wrong with it the last time. */
  problem: string;
  isBusy: boolean;
}

/**
 * Sends a form, and once only while it is on its way: of a second click the answer would be lost, and with it what is shown once.
 * `work` may answer what is wrong with the form itself.
 */
export function useSubmit(work: () => Promise<string | void>, say: (error: unknown) => string = messageOf): Submitted {
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  // Two clicks can come before the button is drawn as disabled.
  const isSending = useRef(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isSending.current) return;
    isSending.current = true;
    setBusy(true);
    setProblem('');
    try {
      setProblem((await work()) ?? '');
    } catch (error) {
      setProblem(say(error));
    }
    isSending.current = false;
    setBusy(false);
  };
  return { submit: (event) => void submit(event), problem, isBusy };
}

import { createContext, type ComponentChildren } from 'preact';
import { useCallback, useContext, useState } from 'preact/hooks';
import { messageOf } from '../api/client';

type Tell = (text: string, isBad?: boolean) => void;

const ToastContext = createContext<Tell>(() => {});

/** Tells what became of something, for a few seconds. */
export function useToast(): Tell {
  return useContext(ToastContext);
}

/** Runs what changes something and tells how it went; returns whether it went well. */
export function useAction(): (done: string, work: () => Promise<unknown>) => Promise<boolean> {
  const tell = useToast();
  return async (done, work) => {
    try {
      await work();
      if (done) tell(done);
      return true;
    } catch (error) {
      tell(messageOf(error), true);
      return false;
    }
  };
}

export function Toasts({ children }: { children: ComponentChildren }) {
  const [toasts, setToasts] = useState<{ id: number; text: string; isBad: boolean }[]>([]);
  const tell = useCallback<Tell>((text, isBad = false) => {
    const id = Math.random();
    setToasts((all) => [...all.slice(-3), { id, text, isBad }]);
    setTimeout(() => setToasts((all) => all.filter((toast) => toast.id !== id)), isBad ? 8_000 : 4_000);
  }, []);
  return (
    <ToastContext.Provider value={tell}>
      {children}
      <div class="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => <p key={toast.id} class={toast.isBad ? 'bad' : ''}>{toast.text}</p>)}
      </div>
    </ToastContext.Provider>
  );
}

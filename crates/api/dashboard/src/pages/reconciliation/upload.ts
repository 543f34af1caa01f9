import { csrfToken, Problem, refusal, urlOf } from '../../api/client';
import { t } from '../../texts';

/** What the API is told beside the report itself. */
export type ReportOptions = Record<string, string | boolean | undefined>;

/**
 * Sends a report, and returns the id of the comparison that began. `onSent` is told which part of it was sent. By
 * `XMLHttpRequest`, since `fetch` does not tell how far it is.
 */
export function upload(report: File, options: ReportOptions, onSent: (share: number) => void, stop: AbortSignal): Promise<string> {
  const url = urlOf('/api/v1/reconciliations', { query: { name: report.name, ...options } });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', 'text/csv');
    const token = csrfToken();
    if (token) request.setRequestHeader('x-csrf-token', token);
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onload = () => {
      const told = parsed(request.responseText);
      if (request.status === 202 && told.data?.id) resolve(told.data.id);
      // A proxy's own page, for example.
      else if (request.status < 400) reject(new Problem(0, t.shell.notReachable, t.shell.notOurs));
      else reject(refusal(url, request.status, told));
    };
    request.onerror = () => reject(new Problem(0, t.shell.notReachable, t.reconciliation.notSent));
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'));
    stop.addEventListener('abort', () => request.abort());
    request.send(report);
  });
}

function parsed(text: string): Parameters<typeof refusal>[2] & { data?: { id?: string } } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

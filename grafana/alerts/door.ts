/** What comes to the gateways' doors: who is let in, what cannot be read or written, phones that dial again and again. */
import { type Alert, COUNT, DEPLOYMENT, RATE } from "./alert.ts";

export const doorAlerts: readonly Alert[] = [
  {
    name: "MoaSignatureFailures",
    severity: "ticket",
    board: "moa-fleet",
    expr: `sum ${DEPLOYMENT} (rate(moa_signatures_total{result=~"wrong|stale|malformed|foreign"}[5m])) > 0.05 * sum ${DEPLOYMENT} (rate(moa_signatures_total[5m])) and sum ${DEPLOYMENT} (rate(moa_signatures_total{result=~"wrong|stale|malformed|foreign"}[5m])) > 0.5`,
    for: "5m",
    summary: `${RATE} frames a second carry a signature that does not hold`,
    description: "A key was changed on one side only, phones' clocks are wrong, or somebody tries.",
    fires: {
      series: {
        'moa_signatures_total{result="wrong"}': "0+60x15",
        'moa_signatures_total{result="valid"}': "0+540x15",
      },
      at: "12m",
      says: "1.0 frames a second carry a signature that does not hold",
    },
    quiet: {
      series: {
        'moa_signatures_total{result="stale"}': "0+60x15",
        'moa_signatures_total{result="valid"}': "0+5940x15",
      },
      at: "12m",
      because: "one in a hundred: a phone with a wrong clock",
    },
  },
  {
    name: "MoaDevicesWait",
    severity: "ticket",
    board: "moa-fleet",
    expr: `sum ${DEPLOYMENT} (moa_connections{role="unadmitted"}) > 0`,
    for: "30m",
    summary: `${COUNT} connected phones are not let in`,
    description: "Their devices wait for an approval, were refused, or have shown no signature that holds.",
    fires: {
      series: { 'moa_connections{role="unadmitted"}': "2x40" },
      at: "35m",
      says: "2 connected phones are not let in",
    },
    quiet: {
      series: { 'moa_connections{role="unadmitted"}': "2x20 0x20" },
      at: "35m",
      because: "somebody let them in",
    },
  },
  {
    name: "MoaFrameErrors",
    severity: "ticket",
    board: "moa-message",
    expr: `sum ${DEPLOYMENT} (rate(moa_frame_errors_total[10m])) > 0.01 * sum ${DEPLOYMENT} (rate(moa_frames_total{direction="in"}[10m])) and sum ${DEPLOYMENT} (increase(moa_frame_errors_total[10m])) > 50`,
    for: "5m",
    summary: `${RATE} frames a second cannot be used`,
    description: "Phones say what we cannot read, and those lines are lost: a new version of theirs, or of ours.",
    fires: {
      series: {
        'moa_frame_errors_total{reason="unknown_event"}': "0+60x20",
        'moa_frames_total{direction="in",type="chat"}': "0+600x20",
      },
      at: "18m",
      says: "1.0 frames a second cannot be used",
    },
    quiet: {
      series: {
        'moa_frame_errors_total{reason="not_json"}': "0+1x20",
        'moa_frames_total{direction="in",type="chat"}': "0+600x20",
      },
      at: "18m",
      because: "one in six hundred",
    },
  },
  {
    name: "MoaWritesStall",
    severity: "ticket",
    board: "moa-fleet",
    expr: `sum ${DEPLOYMENT} (increase(moa_connections_closed_total{reason=~"write_queue_full|write_stalled|half_written"}[10m])) > 0.01 * sum ${DEPLOYMENT} (moa_connections) and sum ${DEPLOYMENT} (increase(moa_connections_closed_total{reason=~"write_queue_full|write_stalled|half_written"}[10m])) > 10`,
    summary: `${COUNT} connections were ended within 10 minutes because they took nothing more`,
    description:
      "Their phones do not read, or a network holds back what is written to them. One is a phone; many are the way there.",
    fires: {
      series: {
        'moa_connections_closed_total{reason="write_queue_full"}': "0x3 10x9",
        'moa_connections_closed_total{reason="write_stalled"}': "0x3 10x9",
        'moa_connections{role="writer"}': "1000x12",
      },
      at: "8m",
      says: "20 connections were ended within 10 minutes because they took nothing more",
    },
    quiet: {
      series: {
        'moa_connections_closed_total{reason="write_stalled"}': "0x3 20x9",
        'moa_connections_closed_total{reason="closed_by_peer"}': "0x3 500x9",
        'moa_connections{role="writer"}': "9000x12",
      },
      at: "8m",
      because: "twenty of nine thousand phones do not read",
    },
  },
  {
    name: "MoaReconnectStorm",
    severity: "ticket",
    board: "moa-fleet",
    expr: `sum ${DEPLOYMENT} (increase(moa_connections_opened_total[5m])) > sum ${DEPLOYMENT} (moa_connections) and sum ${DEPLOYMENT} (increase(moa_connections_opened_total[5m])) > 100`,
    for: "5m",
    summary: `${COUNT} connections were opened within 5 minutes, more than there are`,
    description:
      "Phones dial again and again. Something ends their connections: a load balancer, a network, a refusal.",
    fires: {
      series: {
        'moa_connections_opened_total{transport="tcp"}': "0+300x20",
        'moa_connections{role="writer"}': "1000x20",
      },
      at: "15m",
      says: "1500 connections were opened within 5 minutes, more than there are",
    },
    quiet: {
      series: {
        'moa_connections_opened_total{transport="tcp"}': "0+300x3 900x20",
        'moa_connections{role="writer"}': "800x20",
      },
      at: "15m",
      because: "all came back once, after a gateway was replaced",
    },
  },
];

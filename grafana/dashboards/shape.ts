/** How each kind of panel looks, once for all. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as GraphBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { PanelEntry } from "./panel.ts";

export function shapeOf(kind: PanelEntry["kind"], isBounded: boolean): StatBuilder | GraphBuilder {
  if (kind === "tile") {
    return new StatBuilder()
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
      .colorMode(isBounded ? BigValueColorMode.Background : BigValueColorMode.Value)
      .graphMode(BigValueGraphMode.Area);
  }
  const graph = new GraphBuilder()
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(
        isBounded ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.Off,
      ),
    )
    .showPoints(VisibilityMode.Never)
    .min(0);
  if (kind === "lines") return graph.drawStyle(GraphDrawStyle.Line).lineWidth(1).fillOpacity(0);
  return graph
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(60)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
}

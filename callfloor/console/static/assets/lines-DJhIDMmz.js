function e(e,t){if(e===void 0)return;let n=e.value.split(`
`),r=n.slice(0,t-1).reduce((e,t)=>e+t.length+1,0);e.focus(),e.setSelectionRange(r,r+(n[t-1]?.length??0))}export{e as t};